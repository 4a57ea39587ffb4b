import type { AuditKeys } from '../keys/key-ring.ts'
import type { AuditChain, AuditSeal, AuditStorage } from '../storage/audit.ts'
import { isMarkGenuine, isSealGenuine, signMark, type ChainEnd } from './chain.ts'

/** How many seals one step looks at: with their events, what one transaction removes. */
const step = 20

/** What one step removed of a chain. */
export interface AuditPurge {
  readonly writer: string
  readonly first: number
  readonly last: number
  /** Whether the seals were looked at: where their key is not known any more, nobody can. */
  readonly verified: boolean
}

/** Seals that were changed must not be removed under a new signature: that would make good what is wrong. */
export class AuditTamperedError extends Error {
  constructor (writer: string, sequence: number) {
    super(`The audit trail of ${writer} does not hold at ${sequence}: nothing of it is removed`)
    this.name = 'AuditTamperedError'
  }
}

function startOf (keys: AuditKeys, { writer, checkpoint }: AuditChain): ChainEnd {
  if (checkpoint === undefined) return { sequence: 0, mac: '' }
  const key = keys.findAuditKey(checkpoint.keyId)
  if (key !== undefined && !isMarkGenuine(key, 'checkpoint', checkpoint)) throw new AuditTamperedError(writer, checkpoint.sequence)
  return checkpoint
}

/** Whether the seals follow each other. @returns false where a key is missing to tell. */
function verifySeals (keys: AuditKeys, start: ChainEnd, seals: readonly AuditSeal[]): boolean {
  let end = start
  let verified = true
  for (const seal of seals) {
    const key = keys.findAuditKey(seal.keyId)
    verified &&= key !== undefined
    if ((key !== undefined && !isSealGenuine(key, seal)) || seal.first !== end.sequence + 1 || seal.previous !== end.mac) {
      throw new AuditTamperedError(seal.writer, seal.first)
    }
    end = { sequence: seal.last, mac: seal.mac }
  }
  return verified
}

/**
 * Removes the oldest events of a chain that were sealed before a point in time, a step at a time, and leaves a signed checkpoint in their
 * place.
 *
 * @returns undefined where there is nothing to remove, or another process is about it
 * @throws {AuditTamperedError}
 */
export async function purgeStep (storage: AuditStorage, keys: AuditKeys, chain: AuditChain, before: Date): Promise<AuditPurge | undefined> {
  const start = startOf(keys, chain)
  const seals = await storage.listAuditSeals(chain.writer, start.sequence, step)
  const firstKept = seals.findIndex(({ sealedAt }) => sealedAt >= before)
  const old = firstKept === -1 ? seals : seals.slice(0, firstKept)
  const last = old.at(-1)
  if (last === undefined) return undefined
  const verified = verifySeals(keys, start, old)
  if (!await storage.removeAudit(signMark(keys.auditKey, 'checkpoint', last), start.sequence)) return undefined
  return { writer: chain.writer, first: start.sequence + 1, last: last.last, verified }
}
