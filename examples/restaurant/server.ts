import { existsSync } from 'node:fs'
import { localhostHostValidation } from '@modelcontextprotocol/node'
import Fastify, { type FastifyInstance } from 'fastify'
import { InvalidOptionError, optionsFromEnv, serverOptionsFromEnv } from 'fastify-mcp-oauth'
import { api } from './api.ts'
import { DatabaseError, dataDirectory, isDeployed, openDatabase, prepareDatabase } from './database.ts'
import { health } from './health.ts'
import { forgetLocalSignIns, isLocalMode, startLocalMode } from './local-mode.ts'
import { login } from './login.ts'
import { mcp } from './mcp.ts'
import { metrics } from './metrics.ts'
import { closeOnSignal } from './shutdown.ts'
import { welcome } from './welcome.ts'

async function start (): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile()
  const { port } = serverOptionsFromEnv(process.env).listen
  const local = isLocalMode(process.env) ? await startLocalMode(process.env, { port, directory: dataDirectory }) : undefined
  const env = local?.env ?? process.env
  const options = serverOptionsFromEnv(env)
  // A mistake stops the start before anything is written.
  optionsFromEnv(env)
  const delay = shutdownDelay(env)

  const { db, storage } = await openDatabase(env)
  // A deployment migrates in a step of its own, before.
  if (!isDeployed(env)) await prepareDatabase(db)
  // Until the last connection is closed, requests are served.
  const app = Fastify({ ...options.fastify, return503OnClosing: false })
  const shutdown = closeOnSignal(app, { delay, patience: 10 })
  if (local !== undefined) answerLoopbackOnly(app)
  hideDefects(app)
  await app.register(mcp, { db })
  await app.register(api, { db })
  await app.register(health, shutdown)
  await login(app, { storage, env })
  await app.register(metrics)
  if (!isDeployed(env)) await forgetLocalSignIns(db)

  app.addHook('onClose', async () => await Promise.all([db.destroy(), local?.provider.close()]))
  await app.listen(options.listen)
  if (!isDeployed(env)) console.log(await welcome(app, env, local?.provider))
}

/** In seconds. None where nobody has to notice first. */
function shutdownDelay (env: NodeJS.ProcessEnv): number {
  const delay = env.SHUTDOWN_DELAY?.trim() || '0'
  if (!/^\d{1,3}$/.test(delay)) throw new InvalidOptionError('SHUTDOWN_DELAY', 'must be a whole number of seconds, such as 5')
  return Number(delay)
}

/** A page of another site whose name was made to point at this machine (DNS rebinding) gets no answer. */
function answerLoopbackOnly (app: FastifyInstance): void {
  const isLocal = localhostHostValidation()
  app.addHook('onRequest', async (request, reply) => {
    if (!isLocal(request.raw, reply.raw)) reply.hijack()
  })
}

/** What went wrong inside is for the log; the request's id leads there. */
function hideDefects (app: FastifyInstance): void {
  app.setErrorHandler<Error & { statusCode?: number }>(async (error, request, reply) => {
    if (error.statusCode !== undefined && error.statusCode < 500) return error
    request.log.error({ err: error }, 'request failed')
    return await reply.code(500).send({ error: 'server_error', requestId: request.id })
  })
}

start().catch((error: unknown) => {
  const isExplained = error instanceof InvalidOptionError || error instanceof DatabaseError || (error instanceof Error && 'syscall' in error)
  console.error(isExplained ? error.message : error)
  process.exit(1)
})
