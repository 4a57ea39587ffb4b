import type { SigningKey } from '../storage/records.ts'
import type { AsymmetricAlgorithm } from './algorithms.ts'
import { endOf, hasEnded, signerAt } from './schedule.ts'

/** What an administrator sees of a key pair. */
export interface SigningKeyDescription {
  /** The `kid`. */
  readonly keyId: string
  readonly algorithm: AsymmetricAlgorithm
  /** `next` is published and does not sign yet; `verifying` does not sign any more. */
  readonly state: 'next' | 'signing' | 'verifying'
  readonly createdAt: Date
  readonly signsFrom: Date
  /** When it goes; null before its successor is there. */
  readonly endsAt: Date | null
}

function stateOf (record: SigningKey, signs: boolean, now: Date): SigningKeyDescription['state'] {
  if (signs) return 'signing'
  return record.signsFrom > now ? 'next' : 'verifying'
}

/** The key pairs that are published, without opening them. */
export function describeKeys (records: readonly SigningKey[], now: Date): SigningKeyDescription[] {
  const signing = (algorithm: AsymmetricAlgorithm) => signerAt(records.filter(record => record.algorithm === algorithm).map(record => ({ record })), now)?.record
  return records.filter(record => !hasEnded(record, now)).map(record => ({
    keyId: record.id,
    algorithm: record.algorithm,
    state: stateOf(record, signing(record.algorithm) === record, now),
    createdAt: record.createdAt,
    signsFrom: record.signsFrom,
    endsAt: endOf(record)
  }))
}
