import type { Transaction, TransactionKey } from '../records.ts'
import { inTransaction } from './in-transaction.ts'
import { toTransaction } from './rows.ts'
import type { Database } from './tables.ts'

export function createTransaction (db: Database, transaction: Transaction): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const created = await trx.insertInto('oauth_transactions').values({
      handle_hash: transaction.handleHash,
      kind: transaction.kind,
      binding_hash: transaction.bindingHash,
      consent_hash: transaction.consentHash,
      provider: transaction.provider,
      client_id: transaction.clientId,
      redirect_uri: transaction.redirectUri,
      state: transaction.state,
      scopes: JSON.stringify(transaction.scopes),
      resource: transaction.resource,
      code_challenge: transaction.codeChallenge,
      nonce: transaction.nonce,
      prompts: JSON.stringify(transaction.prompts),
      max_age: transaction.maxAge,
      login_hint: transaction.loginHint,
      client_document: transaction.clientDocument === null ? null : JSON.stringify(transaction.clientDocument),
      created_at: transaction.createdAt,
      expires_at: transaction.expiresAt
    }).onConflict((conflict) => conflict.column('consent_hash').doNothing()).returning('handle_hash').executeTakeFirst()
    return created !== undefined
  })
}

export async function findTransaction (db: Database, key: TransactionKey): Promise<Transaction | undefined> {
  const row = await db.selectFrom('oauth_transactions').selectAll()
    .where('handle_hash', '=', key.handleHash).where('kind', '=', key.kind).where('binding_hash', '=', key.bindingHash)
    .where('consumed_at', 'is', null).where('expires_at', '>', key.now)
    .executeTakeFirst()
  return row && toTransaction(row)
}

/** The row lock picks the winner: everyone else sees `consumed_at` set. */
export async function consumeTransaction (db: Database, key: TransactionKey): Promise<Transaction | undefined> {
  const row = await db.updateTable('oauth_transactions').set({ consumed_at: key.now })
    .where('handle_hash', '=', key.handleHash).where('kind', '=', key.kind).where('binding_hash', '=', key.bindingHash)
    .where('consumed_at', 'is', null).where('expires_at', '>', key.now)
    .returningAll().executeTakeFirst()
  return row && toTransaction(row)
}
