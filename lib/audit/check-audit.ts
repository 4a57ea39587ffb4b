import { refuseUnknown } from '../check-members.ts'
import { InvalidOptionError } from '../errors.ts'
import type { AuditEvent } from './event.ts'
import type { AuditSink } from './sink.ts'

/** What the trail says of requests to protected routes: all of them, none, or `sync`. */
export type AccessMode = boolean | 'sync'

/** What is written down of what happens. */
export interface AuditOptions {
  /**
   * Told of every event, one by one and in order, after the request that it tells of. One that throws or rejects is logged, and changes
   * nothing; of one that is ten thousand events behind, the log says how many it missed.
   *
   * @default nobody is told
   */
  sink?: (event: AuditEvent) => void | Promise<void>
  /**
   * Whether requests to protected routes are in the trail, with the tools that they call. `sync` for those who must not lose one: no handler
   * runs before the event is stored, and while that is not possible, the answer is 503.
   *
   * @default true
   */
  access?: boolean | 'sync'
  /**
   * How old events get before they are removed, in seconds.
   *
   * @default 7776000 ninety days
   */
  retention?: number
}

/** The option as the rest of the code reads it. */
export interface ResolvedAudit {
  readonly sink: AuditSink | undefined
  readonly access: AccessMode
  readonly retention: number
}

const members = new Set<string>(['sink', 'access', 'retention'] satisfies ReadonlyArray<keyof AuditOptions>)

/** A day, and ten years. */
const leastRetention = 86_400
const mostRetention = 315_360_000

function isAccessMode (value: unknown): value is AccessMode {
  return typeof value === 'boolean' || value === 'sync'
}

function isSink (value: unknown): value is AuditSink | undefined {
  return value === undefined || typeof value === 'function'
}

/**
 * What is recorded; undefined where nothing is.
 *
 * @throws {InvalidOptionError} which says what to do.
 */
export function checkAudit (audit: unknown): ResolvedAudit | undefined {
  if (audit === false) return undefined
  if (typeof audit !== 'object' || audit === null || Array.isArray(audit)) {
    throw new InvalidOptionError('audit', 'must be false, or an object such as { sink: event => send(event) }')
  }
  refuseUnknown('audit.', audit, members)
  const { sink, access = true, retention = 7_776_000 }: Record<string, unknown> = { ...audit }
  if (!isSink(sink)) throw new InvalidOptionError('audit.sink', 'must be a function')
  if (!isAccessMode(access)) throw new InvalidOptionError('audit.access', "must be true, false or 'sync'")
  if (typeof retention !== 'number' || !Number.isInteger(retention) || retention < leastRetention || retention > mostRetention) {
    throw new InvalidOptionError('audit.retention', `must be a whole number of seconds from ${leastRetention} to ${mostRetention}`)
  }
  return Object.freeze({ sink, access, retention })
}
