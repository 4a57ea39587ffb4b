import type { Insertable } from 'kysely'
import type { Transaction, TransactionKey, TransactionRefusal } from '../records.ts'
import { refuseTransaction } from '../verdicts.ts'
import { inOneStatement } from './in-transaction.ts'
import { toTransaction } from './rows.ts'
import type { Database, Tables, TransactionRow } from './tables.ts'

export function createTransaction (db: Database, transaction: Transaction): Promise<boolean> {
  return inOneStatement(db, async (db) => {
    const created = await db.insertInto('oauth_transactions').values({
      handle_hash: transaction.handleHash,
      kind: transaction.kind,
      binding_hash: transaction.bindingHash,
      consent_hash: transaction.consentHash,
      provider: transaction.provider,
      prompts: JSON.stringify(transaction.prompts),
      max_age: transaction.maxAge,
      login_hint: transaction.loginHint,
      created_at: transaction.createdAt,
      expires_at: transaction.expiresAt,
      ...purposeOf(transaction)
    }).onConflict((conflict) => conflict.column('consent_hash').doNothing()).returning('handle_hash').executeTakeFirst()
    return created !== undefined
  })
}

/** What only transactions of its kind have. */
function purposeOf (transaction: Transaction): Partial<Insertable<Tables['oauth_transactions']>> {
  if (transaction.kind !== 'authorize') return { pending: transaction.pending }
  const { clientId, redirectUri, state, scopes, resource, codeChallenge, nonce, clientDocument } = transaction
  return {
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    scopes: JSON.stringify(scopes),
    resource,
    code_challenge: codeChallenge,
    nonce,
    client_document: clientDocument === null ? null : JSON.stringify(clientDocument)
  }
}

export async function findTransaction (db: Database, key: TransactionKey): Promise<Transaction | TransactionRefusal> {
  const row = await db.selectFrom('oauth_transactions').selectAll().where('handle_hash', '=', key.handleHash).executeTakeFirst()
  return row === undefined ? 'unknown' : refuseTransaction(toStanding(row), key) ?? toTransaction(row)
}

/** The row lock picks the winner: everyone else sees `consumed_at` set. */
export async function consumeTransaction (db: Database, key: TransactionKey): Promise<Transaction | TransactionRefusal> {
  const row = await db.updateTable('oauth_transactions').set({ consumed_at: key.now })
    .where('handle_hash', '=', key.handleHash).where('binding_hash', '=', key.bindingHash)
    .where('consumed_at', 'is', null).where('expires_at', '>', key.now)
    .returningAll().executeTakeFirst()
  return row === undefined ? await refusalOf(db, key) : toTransaction(row)
}

async function refusalOf (db: Database, key: TransactionKey): Promise<TransactionRefusal> {
  const found = await findTransaction(db, key)
  // What is free to a look and was not to the update is being consumed by another caller.
  return typeof found === 'string' ? found : 'used'
}

function toStanding ({ binding_hash: bindingHash, expires_at: expiresAt, consumed_at: consumedAt }: TransactionRow) {
  return { transaction: { bindingHash, expiresAt: new Date(expiresAt) }, isConsumed: consumedAt !== null }
}
