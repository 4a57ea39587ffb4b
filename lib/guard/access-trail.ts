import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessFacts } from '../audit/access-record.ts'
import type { Audit } from '../audit/audit.ts'
import type { AuditEntry, AuditOutcome } from '../audit/event.ts'
import { reasonOf } from '../audit/reason.ts'
import { OAuthError } from '../errors.ts'
import { about } from '../grants/about.ts'
import type { Access } from './access.ts'
import { addressOf, originOf } from './origin.ts'
import { rpcMessages, type RpcSummary } from './rpc-messages.ts'
import { DeadTokenError } from './verify.ts'

/** A request that was let in. */
interface Followed {
  readonly request: FastifyRequest
  readonly answer: ServerResponse
  readonly access: Access
  /** Milliseconds since the epoch. */
  readonly at: number
  /** As `performance.now()` has it. */
  readonly since: number
  readonly address: string | null
  /** Whether it has to be stored before its handler runs. */
  readonly commitsFirst: boolean
  refusal: unknown
  isCommitted: boolean
}

/** Where a request, and what ends with its answer, keep it. */
const followedKey = Symbol('fastify-mcp-oauth.followed')

declare module 'fastify' {
  interface FastifyRequest {
    [followedKey]?: Followed
  }
}

/** The answer, or the socket that the request was upgraded to: of that, the answer never ends. */
type Ending = (ServerResponse | Socket) & { [followedKey]?: Followed }

/** How many tools one event names, and into how many events a batch of calls is split: a name must not hide behind others. */
const toolsPerEvent = 16
const maxEvents = 64

/** How many refusals a second are told of those who have not said who they are: they cost nothing, and must not fill the database. */
const strangersPerSecond = 10

function routeOf ({ routeOptions }: FastifyRequest): string | null {
  return routeOptions.url ?? null
}

function isUpgrade ({ raw }: FastifyRequest): boolean {
  return 'upgrade' in raw && raw.upgrade === true
}

/** Whether the answer never began. */
function isUnanswered ({ request, answer }: Followed): boolean {
  return !answer.headersSent && !isUpgrade(request)
}

function reasonFor (followed: Followed): string | null {
  if (followed.refusal !== undefined) return reasonOf(followed.refusal)
  return isUnanswered(followed) ? 'the connection ended before the answer' : null
}

function outcomeFor (followed: Followed): AuditOutcome {
  if (followed.refusal !== undefined) return 'refused'
  return followed.answer.statusCode >= 400 || isUnanswered(followed) ? 'failed' : 'success'
}

type Calls = Pick<AccessFacts, 'rpc' | 'tools' | 'omitted'>

/** Hands on what a request calls, in as many parts as it takes. */
function forEachPart ({ methods: rpc, tools }: RpcSummary, each: (part: Calls) => void): void {
  if (tools.length <= toolsPerEvent) return each({ rpc, tools, omitted: 0 })
  const omitted = Math.max(0, tools.length - maxEvents * toolsPerEvent)
  for (let part = 0; part < maxEvents && part * toolsPerEvent < tools.length; part++) {
    each({ rpc, tools: tools.slice(part * toolsPerEvent, (part + 1) * toolsPerEvent), omitted })
  }
}

/** Keeps nothing of the request itself: what waits to be stored must not hold bodies. */
function factsOf (
  { request, access, at, address }: Followed, type: AccessFacts['type'], end: Pick<AccessFacts, 'outcome' | 'reason' | 'status' | 'duration'>, { rpc, tools, omitted }: Calls
): AccessFacts {
  return {
    type,
    subject: access,
    at,
    outcome: end.outcome,
    reason: end.reason,
    requestId: String(request.id),
    address,
    userAgent: request.headers['user-agent'] ?? null,
    method: request.method,
    route: routeOf(request),
    status: end.status,
    duration: end.duration,
    rpc,
    tools,
    omitted
  }
}

const noCalls: Calls = { rpc: [], tools: [], omitted: 0 }

function whoIs (access: Access | undefined, error: unknown): Omit<AuditEntry, 'type'> {
  if (access !== undefined) {
    const { user, client, grantId, tokenId } = access
    return { actor: { type: 'user', id: user.id, email: user.email }, userId: user.id, clientId: client.id, grantId, tokenId }
  }
  if (!(error instanceof DeadTokenError)) return { actor: { type: 'anonymous' } }
  // The token is proven, though it opens nothing any more.
  const { grant, token } = error.record
  return { actor: { type: 'user', id: grant.userId, email: grant.email }, ...about(grant), tokenId: token.id }
}

/** Tells the audit trail of requests to protected routes: who, by which client, which tools, and how it ended. */
export class AccessTrail {
  readonly #audit: Audit
  readonly #ended: (this: Ending) => void
  #second = 0
  #told = 0
  #untold = 0

  constructor (audit: Audit) {
    this.#audit = audit
    const tell = (followed: Followed) => { this.#tell(followed) }
    // One function for all, which knows its answer by `this`.
    this.#ended = function ended () {
      if (this[followedKey] !== undefined) tell(this[followedKey])
    }
  }

  /** From now on, until the answer is over, whatever way that comes: also where the client does not wait for it. */
  follow (request: FastifyRequest, reply: FastifyReply, access: Access): void {
    if (this.#audit.access === false) return
    const followed: Followed = { request, answer: reply.raw, access, at: Date.now(), since: performance.now(), address: addressOf(request), commitsFirst: this.#audit.access === 'sync', refusal: undefined, isCommitted: false }
    const ending: Ending = isUpgrade(request) ? request.raw.socket : reply.raw
    request[followedKey] = followed
    ending[followedKey] = followed
    ending.on('close', this.#ended)
  }

  /**
   * Stores a request before its handler runs.
   *
   * @returns undefined where that is not asked for; rejects with a `StorageUnavailableError` where it can't be done: it may not go on then
   */
  commit (request: FastifyRequest): Promise<unknown> | undefined {
    const followed = request[followedKey]
    if (followed?.commitsFirst !== true) return undefined
    followed.isCommitted = true
    const stored: Array<Promise<void>> = []
    forEachPart(rpcMessages(request.body), calls => {
      stored.push(this.#audit.commitAccess(factsOf(followed, 'access', { outcome: 'success', reason: null, status: undefined, duration: undefined }, calls)))
    })
    return Promise.all(stored)
  }

  /** @param access of whoever is known and may not do it all the same */
  refused (request: FastifyRequest, error: unknown, access: Access | undefined): void {
    if (request[followedKey] !== undefined) {
      request[followedKey].refusal = error
      return
    }
    if (this.#audit.access === false || (access === undefined && !this.#mayTellOfStranger())) return
    const isRefusal = error instanceof OAuthError
    this.#audit.record({
      type: 'access',
      ...whoIs(access, error),
      ...originOf(request),
      outcome: isRefusal ? 'refused' : 'failed',
      reason: reasonOf(error),
      details: { method: request.method, route: routeOf(request), ...isRefusal && { status: error.statusCode }, ...this.#untold > 0 && { untold: this.#untold } }
    })
    this.#untold = 0
  }

  #mayTellOfStranger (): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) this.#told = 0
    this.#second = second
    if (this.#told++ < strangersPerSecond) return true
    this.#untold++
    return false
  }

  #tell (followed: Followed): void {
    const { request, answer, since, isCommitted } = followed
    const end = {
      outcome: outcomeFor(followed),
      reason: reasonFor(followed),
      status: answer.statusCode,
      duration: Math.round((performance.now() - since) * 10) / 10
    }
    if (isCommitted) return this.#audit.recordAccess(factsOf(followed, 'access.answered', end, noCalls))
    forEachPart(rpcMessages(request.body), calls => { this.#audit.recordAccess(factsOf(followed, 'access', end, calls)) })
  }
}
