import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import t from 'tap'
import { MemoryStorage, google, optionsFromEnv, serverOptionsFromEnv, type Environment } from '../../lib/index.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { storageFromEnv } from '../../lib/storage/kysely/index.ts'
import { blocksIn, document, root } from '../fixtures/documentation.ts'
import { secret } from '../fixtures/world.ts'

/** The cells of each row of a table, by its first one. */
function tableUnder (path: string, heading: string): Map<string, string[]> {
  const { text } = document(path)
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter(line => line.startsWith('| `')).map(line => line.slice(1, -1).split('|').map(cell => cell.trim()))
  return new Map(rows.map(([name = '', ...cells]) => [name.replaceAll('`', ''), cells]))
}

/** An environment that tells which variables were asked for. */
function watched (env: Environment): { env: Record<string, string | undefined>, read: Set<string> } {
  const read = new Set<string>()
  return {
    read,
    env: new Proxy({ ...env }, {
      get (target, name) {
        read.add(String(name))
        return Reflect.get(target, name)
      }
    })
  }
}

/** Whatever any of the three functions reads, by the provider that reads it. */
async function variablesRead (): Promise<Map<string, Set<string>>> {
  const base = { OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: secret, OAUTH_CLIENT_ID: 'id', OAUTH_CLIENT_SECRET: 'secret', DEFAULT_ADMIN_EMAIL: 'you@example.com' }
  const options = watched({ ...base, OAUTH_PROVIDER: 'microsoft' })
  optionsFromEnv(options.env)
  const server = watched({})
  serverOptionsFromEnv(server.env)
  const storage = watched({ DATABASE_URL: 'postgres://localhost/app' })
  const { db } = await storageFromEnv(storage.env)
  await db.destroy()
  return new Map([['optionsFromEnv', options.read], ['serverOptionsFromEnv', server.read], ['storageFromEnv', storage.read]])
}

const defaults = resolveOptions({
  issuer: 'https://api.example.com', secret, providers: [google({ clientId: 'id', clientSecret: 'secret' })], storage: new MemoryStorage(), protect: ['/mcp']
})

t.test('configuration.md lists every option, and no other', async t => {
  const refusal = (() => {
    try {
      return resolveOptions({ ...defaults, ...JSON.parse('{ "nothing": 1 }') })
    } catch (error) {
      return String(error)
    }
  })()
  const [, names = ''] = /or use one of (.*)$/.exec(String(refusal)) ?? []
  t.strictSame([...tableUnder('docs/configuration.md', 'Options').keys()], names.split(', '))
})

t.test('the defaults that configuration.md names are the defaults', async t => {
  const table = tableUnder('docs/configuration.md', 'Options')
  const resolved = new Map<string, unknown>(Object.entries(defaults))
  for (const name of ['accessTokenLifetime', 'refreshTokenLifetime', 'grantLifetime', 'authorizationCodeLifetime', 'signingKeyLifetime', 'allowedRedirectUris', 'defaultRedirectUris', 'revalidateAfter']) {
    t.equal(table.get(name)?.[1], `\`${JSON.stringify(resolved.get(name))}\``, name)
  }
  t.equal(table.get('basePath')?.[1], `\`'${defaults.routePath}'\``)
  t.equal(defaults.resource, 'https://api.example.com/mcp', 'the issuer\'s origin and the only pattern')
})

t.test('configuration.md and .env.example list every variable that is read, and no other', async t => {
  const read = await variablesRead()
  const table = tableUnder('docs/configuration.md', 'The environment')
  const documented = [...read.keys()].map(reader => [reader, [...table].filter(([, [by]]) => by === `\`${reader}\``).map(([name]) => name).sort()])
  t.strictSame(documented, [...read].map(([reader, names]) => [reader, [...names].sort()]))
  t.strictSame(Object.keys(parseEnv(readFileSync(`${root}.env.example`, 'utf8'))).sort(), [...table.keys()].sort())
})

t.test('the defaults of HOST, PORT and LOG_LEVEL are those that configuration.md names', async t => {
  const table = tableUnder('docs/configuration.md', 'The environment')
  const { fastify, listen } = serverOptionsFromEnv({})
  t.strictSame(['HOST', 'PORT', 'LOG_LEVEL'].map(name => table.get(name)?.[1]), [listen.host, listen.port, fastify.logger.level].map(value => `\`${value}\``))
})

t.test('each environment of the pages, and .env.example, starts once it has a secret', async t => {
  const pages = blocksIn('env').map(({ path, line, code }) => ({ name: `${path}:${line}`, code }))
  t.ok(pages.length >= 8)
  for (const { name, code } of [...pages, { name: '.env.example', code: readFileSync(`${root}.env.example`, 'utf8') }]) {
    const env: Environment = parseEnv(code)
    t.notOk(env['JWT_SECRET'], `${name} brings no secret that somebody could leave in place`)
    const complete = { OAUTH_SERVER_URL: 'https://api.example.com', ...env, JWT_SECRET: secret }
    const options = resolveOptions({ ...optionsFromEnv(complete), storage: new MemoryStorage(), protect: ['/mcp'] })
    t.strictSame([...options.providers.keys()], [env['OAUTH_PROVIDER']], name)
    t.doesNotThrow(() => serverOptionsFromEnv(complete), name)
    if (env['DATABASE_URL'] !== undefined) await storageFromEnv(complete).then(async ({ db }) => { await db.destroy() })
  }
})
