import { sql, type Kysely } from 'kysely'

/** Room for clients that a metadata document describes, and for the document that a person was shown. */
export async function up (db: Kysely<any>): Promise<void> {
  await sql`ALTER TABLE oauth_clients ADD document_fetched_at timestamptz`.execute(db)
  await sql`ALTER TABLE oauth_transactions ADD client_document jsonb`.execute(db)
}
