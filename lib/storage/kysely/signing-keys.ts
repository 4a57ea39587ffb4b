import type { SigningKey } from '../records.ts'
import { inTransaction } from './in-transaction.ts'
import { toSigningKey } from './rows.ts'
import type { Database } from './tables.ts'

export async function listSigningKeys (db: Database): Promise<SigningKey[]> {
  const rows = await db.selectFrom('oauth_signing_keys').selectAll().execute()
  return rows.map(toSigningKey)
}

/** The partial unique index decides. */
export function addSigningKey (db: Database, key: SigningKey): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const added = await trx.insertInto('oauth_signing_keys').values({
      key_id: key.id,
      algorithm: key.algorithm,
      sealed_key: key.sealed,
      token_lifetime: key.tokenLifetime,
      created_at: key.createdAt,
      signs_from: key.signsFrom,
      retired_at: key.retiredAt
    }).onConflict((conflict) => conflict.doNothing()).returning('key_id').executeTakeFirst()
    return added !== undefined
  })
}

export async function retireSigningKey (db: Database, keyId: string, now: Date): Promise<boolean> {
  const retired = await db.updateTable('oauth_signing_keys').set({ retired_at: now })
    .where('key_id', '=', keyId).where('retired_at', 'is', null).returning('key_id').executeTakeFirst()
  return retired !== undefined
}

export async function extendSigningKey (db: Database, keyId: string, tokenLifetime: number): Promise<boolean> {
  const extended = await db.updateTable('oauth_signing_keys').set({ token_lifetime: tokenLifetime })
    .where('key_id', '=', keyId).where('token_lifetime', '<', tokenLifetime).returning('key_id').executeTakeFirst()
  return extended !== undefined
}

export async function resealSigningKey (db: Database, keyId: string, from: string, to: string): Promise<boolean> {
  const resealed = await db.updateTable('oauth_signing_keys').set({ sealed_key: to })
    .where('key_id', '=', keyId).where('sealed_key', '=', from).returning('key_id').executeTakeFirst()
  return resealed !== undefined
}

export async function removeSigningKey (db: Database, keyId: string): Promise<boolean> {
  const removed = await db.deleteFrom('oauth_signing_keys')
    .where('key_id', '=', keyId).where('retired_at', 'is not', null).returning('key_id').executeTakeFirst()
  return removed !== undefined
}
