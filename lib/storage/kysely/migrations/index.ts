import { sql, type Kysely } from 'kysely'
import { up as audit } from './audit.ts'
import { up as changes } from './changes.ts'
import { up as clientMetadataDocuments } from './client-metadata-documents.ts'
import { up as clientRegistration } from './client-registration.ts'
import { up as hotPaths } from './hot-paths.ts'
import { up as housekeeping } from './housekeeping.ts'
import { up } from './initial.ts'
import { up as openidConnect } from './openid-connect.ts'
import { up as sessions } from './sessions.ts'
import { up as signingKeys } from './signing-keys.ts'

/** Kysely's own `Migration`, which each of its versions exports from another place. */
export interface Migration { up (db: Kysely<any>): Promise<void> }

/**
 * What brings a database to this version, in the order of the names: for `migrateToLatest`, or for the application's own
 * Kysely `Migrator`. What one of them has run, the other does not run again.
 */
export const migrations: Readonly<Record<string, Migration>> = {
  'fastify-mcp-oauth-0001-initial': once('fastify-mcp-oauth-0001-initial', up),
  'fastify-mcp-oauth-0002-signing-keys': once('fastify-mcp-oauth-0002-signing-keys', signingKeys),
  'fastify-mcp-oauth-0003-openid-connect': once('fastify-mcp-oauth-0003-openid-connect', openidConnect),
  'fastify-mcp-oauth-0004-client-metadata-documents': once('fastify-mcp-oauth-0004-client-metadata-documents', clientMetadataDocuments),
  'fastify-mcp-oauth-0005-client-registration': once('fastify-mcp-oauth-0005-client-registration', clientRegistration),
  'fastify-mcp-oauth-0006-sessions': once('fastify-mcp-oauth-0006-sessions', sessions),
  'fastify-mcp-oauth-0007-audit': once('fastify-mcp-oauth-0007-audit', audit),
  'fastify-mcp-oauth-0008-housekeeping': once('fastify-mcp-oauth-0008-housekeeping', housekeeping),
  'fastify-mcp-oauth-0009-changes': once('fastify-mcp-oauth-0009-changes', changes),
  'fastify-mcp-oauth-0010-hot-paths': once('fastify-mcp-oauth-0010-hot-paths', hotPaths)
}

/** Where each migration writes down that it has been run. */
export async function createBookkeeping (db: Kysely<any>): Promise<void> {
  await sql`CREATE TABLE IF NOT EXISTS oauth_migrations (name text PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now())`.execute(db)
}

function once (name: string, up: Migration['up']): Migration {
  return {
    async up (db) {
      await createBookkeeping(db)
      const { rows } = await sql`INSERT INTO oauth_migrations (name) VALUES (${name}) ON CONFLICT DO NOTHING RETURNING name`.execute(db)
      if (rows.length > 0) await up(db)
    }
  }
}
