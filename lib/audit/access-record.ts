import { bounded } from './bounds.ts'
import type { AuditDetail, AuditEvent, AuditOutcome } from './event.ts'

/** Who was let in: the same object for all requests with one token, while that is remembered. */
export interface AccessSubject {
  readonly user: Readonly<{ id: string, email: string }>
  readonly client: Readonly<{ id: string }>
  readonly grantId: string
  readonly tokenId: string
}

/** A request to a protected route, as far as it is told. */
export interface AccessFacts {
  readonly type: 'access' | 'access.answered'
  readonly subject: AccessSubject
  /** When it came, in milliseconds since the epoch. */
  readonly at: number
  readonly outcome: AuditOutcome
  readonly reason: string | null
  readonly requestId: string | null
  readonly address: string | null
  readonly userAgent: string | null
  readonly method: string
  readonly route: string | null
  /** What is undefined is not known yet. */
  readonly status: number | undefined
  /** In milliseconds. */
  readonly duration: number | undefined
  /** JSON-RPC methods. */
  readonly rpc: readonly string[]
  readonly tools: readonly string[]
  /** How many more tools there were. */
  readonly omitted: number
}

const subjectTexts = new WeakMap<AccessSubject, string>()

/** What most requests have in common with others: the JSON of it by the string. */
class KnownTexts {
  readonly #texts = new Map<string, string>()
  readonly #length: number

  constructor (length: number) {
    this.#length = length
  }

  of (value: string | null): string {
    if (value === null) return 'null'
    const known = this.#texts.get(value)
    if (known !== undefined) return known
    const text = JSON.stringify(bounded(value, this.#length))
    // Of longer ones, the key would be more than what is kept.
    if (value.length > this.#length) return text
    if (this.#texts.size >= 1000) this.#texts.clear()
    this.#texts.set(value, text)
    return text
  }
}

const addresses = new KnownTexts(64)
const userAgents = new KnownTexts(256)
const routes = new KnownTexts(200)
const names = new KnownTexts(100)

function subjectText (subject: AccessSubject): string {
  const known = subjectTexts.get(subject)
  if (known !== undefined) return known
  const { user, client, grantId, tokenId } = subject
  const text = [
    bounded(user.id, 255), bounded(user.email, 320), bounded(user.id, 255), bounded(client.id, 512), bounded(grantId, 255), bounded(tokenId, 255)
  ].map(value => JSON.stringify(value)).join(',')
  subjectTexts.set(subject, text)
  return text
}

function listText (values: readonly string[]): string {
  const [only = '', ...others] = values
  return others.length === 0 ? `[${names.of(only)}]` : `[${values.map(value => names.of(value)).join(',')}]`
}

/** In the order of their names. */
function detailsText ({ duration, method, omitted, route, rpc, status, tools }: AccessFacts): string {
  return '{' + (duration === undefined ? '' : `"duration":${duration},`) +
    `"method":${names.of(method)},` +
    (omitted === 0 ? '' : `"omitted":${omitted},`) +
    `"route":${routes.of(route)}` +
    (rpc.length === 0 ? '' : `,"rpc":${listText(rpc)}`) +
    (status === undefined ? '' : `,"status":${status}`) +
    (tools.length === 0 ? '' : `,"tools":${listText(tools)}`) + '}'
}

/**
 * The text of the event, to the letter as `JSON.stringify(columnsOf(sequence, event))` has it, and several times faster: there is one for every
 * request.
 */
export function accessText (sequence: number, facts: AccessFacts): string {
  const { type, subject, at, outcome, reason, requestId, address, userAgent } = facts
  return `[${sequence},"${type}",${at},"user",${subjectText(subject)},"${outcome}",` +
    `${reason === null ? 'null' : JSON.stringify(bounded(reason, 255))},${JSON.stringify(bounded(requestId, 128))},` +
    `${addresses.of(address)},${userAgents.of(userAgent)},${detailsText(facts)}]`
}

function detailsOf ({ duration, method, omitted, route, rpc, status, tools }: AccessFacts): Record<string, AuditDetail> {
  const short = (values: readonly string[]) => values.map(value => bounded(value, 100))
  return {
    ...duration !== undefined && { duration },
    method: bounded(method, 100),
    ...omitted !== 0 && { omitted },
    route: bounded(route, 200),
    ...rpc.length > 0 && { rpc: short(rpc) },
    ...status !== undefined && { status },
    ...tools.length > 0 && { tools: short(tools) }
  }
}

/** The same as an event. */
export function accessEvent (facts: AccessFacts): AuditEvent {
  const { type, subject: { user, client, grantId, tokenId }, at, outcome, reason, requestId, address, userAgent } = facts
  return {
    type,
    at: new Date(at),
    actor: { type: 'user', id: bounded(user.id, 255), email: bounded(user.email, 320) },
    userId: bounded(user.id, 255),
    clientId: bounded(client.id, 512),
    grantId: bounded(grantId, 255),
    tokenId: bounded(tokenId, 255),
    outcome,
    reason: bounded(reason, 255),
    requestId: bounded(requestId, 128),
    address: bounded(address, 64),
    userAgent: bounded(userAgent, 256),
    details: detailsOf(facts)
  }
}
