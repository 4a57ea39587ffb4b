import { PGlite } from '@electric-sql/pglite'
import Fastify, { type FastifyInstance } from 'fastify'
import { Kysely } from 'kysely'
import { PGliteDialect } from 'kysely-pglite-dialect'
import { api } from '../../examples/restaurant/api.ts'
import { health } from '../../examples/restaurant/health.ts'
import { mcp } from '../../examples/restaurant/mcp.ts'
import { createTables, type Database } from '../../examples/restaurant/schema.ts'
import { captureLog, type CapturedLog } from '../fixtures/log.ts'

export interface OpenServer {
  app: FastifyInstance
  db: Kysely<Database>
  url: URL
  log: CapturedLog
  close: () => Promise<void>
}

/** The restaurant without its protection. Who calls is what the header `x-user` says, in the place where the plugin puts it. */
export async function startOpenServer (): Promise<OpenServer> {
  const db = new Kysely<Database>({ dialect: new PGliteDialect(await PGlite.create()) })
  await createTables(db)
  const log = captureLog()
  const app = Fastify({ logger: log.logger })
  app.addHook('onRequest', async (request) => {
    const user = request.headers['x-user']
    if (typeof user !== 'string') return
    const auth = { token: 't', clientId: 'c', scopes: [], extra: { user: { id: user, email: `${user}@example.com`, name: null, role: 'user' } } }
    Object.assign(request.raw, { auth })
  })
  await app.register(mcp, { db })
  await app.register(api, { db })
  await app.register(health)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const close = async () => {
    await app.close()
    await db.destroy()
  }
  return { app, db, url: new URL('/mcp', address), log, close }
}
