import { judgeRotation, type RotationVerdict } from '../oauth/rotation.ts'
import type { AuthorizationCode, Grant, RedemptionResult, Token, Transaction, TransactionKey, TransactionRefusal, User } from './records.ts'

/** What a code deserves, judged under its grant's lock. A used one is a replay even when it has expired since. RFC 6749 §4.1.2. */
export function judgeRedemption (code: AuthorizationCode, grant: Grant, now: Date): RedemptionResult {
  if (!isAlive(grant, now)) return 'dead'
  if (code.consumedAt !== null) return 'replayed'
  return code.expiresAt > now ? 'redeemed' : 'dead'
}

/**
 * What a refresh token deserves, judged under its grant's lock.
 *
 * @param successor the one that stands, or the one that would be stored.
 */
export function judgeExchange (token: Token, grant: Grant, successor: Token, now: Date): RotationVerdict | 'dead' {
  if (!isAlive(grant, now) || !isExchangeable(token, now)) return 'dead'
  const verdict = judgeRotation(token.consumedAt, successor.consumedAt, now)
  return verdict === 'repeat' && !isExchangeable(successor, now) ? 'dead' : verdict
}

export function isAlive (grant: Grant, now: Date): boolean {
  return grant.revokedAt === null && grant.expiresAt > now
}

function isExchangeable (token: Token, now: Date): boolean {
  return token.type === 'refresh_token' && token.active && token.expiresAt > now
}

/** Why a transaction can't be gone on with; undefined where it can. Whoever has another browser learns nothing more. */
export function refuseTransaction (
  { transaction, isConsumed }: { transaction: Pick<Transaction, 'bindingHash' | 'expiresAt'>, isConsumed: boolean }, { bindingHash, now }: TransactionKey
): TransactionRefusal | undefined {
  if (transaction.bindingHash !== bindingHash) return 'other-browser'
  if (isConsumed) return 'used'
  return transaction.expiresAt > now ? undefined : 'expired'
}

/** Whether somebody can administer. */
export function isActiveAdmin ({ role, status }: Pick<User, 'role' | 'status'>): boolean {
  return role === 'admin' && status === 'active'
}
