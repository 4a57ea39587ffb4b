import type { Kysely } from 'kysely'
import { administration, type Administration, type Administrator } from '../administration.ts'
import { noOrigin } from '../audit/event.ts'
import { checkAudit } from '../audit/check-audit.ts'
import { createCore } from '../create-core.ts'
import { tokenOptionsFromEnv, type Environment } from '../env-values.ts'
import { checkSecrets } from '../keys/check-secrets.ts'
import { KeyRing, type AuditKeys } from '../keys/key-ring.ts'
import type { ServerCore } from '../server.ts'
import type { DatabaseInspector } from '../storage/kysely/inspector.ts'
import type { OAuthStorage } from '../storage/types.ts'
import { environmentOf } from './environment.ts'
import { json, tell } from './output.ts'
import { MisuseError, type Terminal } from './terminal.ts'

/** The options that every command has. */
export interface GlobalOptions {
  envFile: boolean
  json?: boolean
  schema?: string
}

/** Whom the audit trail names. */
export const operator: Administrator = { actor: { type: 'operator', id: 'command line' }, ...noOrigin }

/** In milliseconds. An index over many rows takes its time. */
const queryTimeout = 600_000

/** What only the server's own code can say is not decided here. */
const serversOwn = {
  // Ten years: when a key is due, the server says.
  signingKeyLifetime: 315_360_000,
  firstAdmin: undefined,
  allowedRedirectUris: [],
  defaultRedirectUris: [],
  registration: { mode: 'closed', initialAccessTokens: [], allowedRedirectHosts: undefined },
  scopes: new Map<string, undefined>()
} as const

const ignore = () => {}

/** They are peers of the package, and those who use another storage have neither. */
async function loadKysely () {
  return { ...await import('../storage/kysely/index.ts'), ...await import('../storage/kysely/inspector.ts') }
}

/** The database as it is, migrated or not. */
export interface Database {
  db: Kysely<any>
  storage: OAuthStorage
  inspector: DatabaseInspector
  migrate: () => Promise<string[]>
}

/** What a command works with. The database is opened by those who need it, and closed at the end. */
export class Context {
  readonly terminal: Terminal
  readonly options: GlobalOptions
  readonly #load: typeof loadKysely
  readonly #closers: Array<() => Promise<void>> = []

  constructor (terminal: Terminal, options: GlobalOptions, load = loadKysely) {
    this.terminal = terminal
    this.options = options
    this.#load = load
  }

  get env (): Environment {
    return this.options.envFile ? environmentOf(this.terminal) : this.terminal.env
  }

  /** @param timeout how long a statement may take, in milliseconds */
  async database (timeout = queryTimeout): Promise<Database> {
    const { schema } = this.options
    const where = schema === undefined ? {} : { schema }
    const { DatabaseInspector, migrateToLatest, storageFromEnv } = await this.#load().catch((error: unknown) => {
      throw new MisuseError('the packages kysely and pg are needed; run npm install kysely pg', { cause: error })
    })
    const { db, storage } = await storageFromEnv({ ...this.env }, { ...where, queryTimeout: timeout })
    this.#closers.unshift(async () => { await db.destroy() })
    return { db, storage, inspector: new DatabaseInspector(db, where), migrate: async () => await migrateToLatest(db, where) }
  }

  /** To look things up. */
  async storage (): Promise<OAuthStorage> {
    const { storage } = await this.database()
    await storage.prepare()
    return storage
  }

  /**
   * To change things, which the audit trail is told of.
   *
   * @throws {InvalidOptionError} where `JWT_SECRET` is not the server's.
   */
  async server (changes: Partial<ServerCore['options']> = {}): Promise<ServerCore> {
    const { secret, accessTokenLifetime = 604_800, signingAlgorithm = 'HS256' } = tokenOptionsFromEnv(this.env)
    const secrets = checkSecrets(secret)
    const storage = await this.storage()
    const log = { error: (_object: object, message: string) => { tell(this.terminal, `warning: ${message}`) }, info: ignore }
    const core = createCore({ ...serversOwn, secrets, accessTokenLifetime, signingAlgorithm, storage, audit: checkAudit({ access: false }), ...changes }, ignore, log)
    this.#closers.unshift(async () => { await core.audit.close() })
    // Another secret would do harm without being noticed. Before its first start, the server has made no keys to see that by.
    if ((await storage.listSigningKeys()).length > 0) await core.ready()
    return core
  }

  /**
   * What the audit trail is verified with. A secret that is not the server's does no harm here: nothing holds under it.
   *
   * @throws {InvalidOptionError} where `JWT_SECRET` is none.
   */
  auditKeys (): AuditKeys {
    return new KeyRing(checkSecrets(tokenOptionsFromEnv(this.env).secret))
  }

  async administration (): Promise<Administration & { storage: OAuthStorage }> {
    const server = await this.server()
    return { storage: server.storage, ...administration(server, operator) }
  }

  /** The answer of a command, for programs or for people. */
  answer (value: unknown, text: string): void {
    this.terminal.stdout.write(this.options.json === true ? json(value) : text)
  }

  async close (): Promise<void> {
    for (const close of this.#closers) await close()
  }
}
