import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import * as z from 'zod'
import { root } from '../fixtures/documentation.ts'
import { composeProblems } from '../fixtures/kubernetes-schemas.ts'
import { secret } from '../fixtures/world.ts'
import { start, variables } from './environment.ts'

const strings = z.record(z.string(), z.string())
const composeText = readFileSync(`${root}examples/restaurant/deploy/compose.yaml`, 'utf8')
const composition = z.object({
  services: z.record(z.string(), z.object({
    image: z.string(),
    build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
    command: z.array(z.string()).optional(),
    environment: strings,
    read_only: z.boolean().optional(),
    cap_drop: z.array(z.string()).optional(),
    depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
    ports: z.array(z.string()).optional(),
    stop_grace_period: z.string().optional()
  }))
}).parse(parse(composeText, { merge: true }))

/** As compose puts the environment into its file. */
function interpolate (value: string, env: Record<string, string | undefined>): string {
  return value.replaceAll(/\$\{(\w+)(?::([?-])([^}]*))?\}/g, (_, name, operator, rest) => {
    const given = env[name]
    if (given !== undefined && given !== '') return given
    if (operator === '?') throw new Error(`${name}: ${rest}`)
    return rest ?? ''
  })
}

const answers = { ...parseEnv(readFileSync(`${root}.env.example`, 'utf8')), JWT_SECRET: secret, POSTGRES_PASSWORD: '6f1c' }
const serverEnv = (env: Record<string, string | undefined>) => Object.fromEntries(
  Object.entries(composition.services['server']?.environment ?? {}).map(([name, value]) => [name, interpolate(value, env)])
)

t.test('compose.yaml is what compose takes, and what it does not take would be found', async t => {
  t.strictSame(composeProblems(parse(composeText, { merge: true })), [])
  for (const [from, to] of [['depends_on', 'dependsOn'], ['read_only: true', 'read_only: false'], ['127.0.0.1:8080', '8080'], ['cap_drop: [ALL]', 'cap_drop: []'], ['postgres:18-alpine', 'postgres']] as const) {
    const changed = composeText.replaceAll(from, to)
    t.not(changed, composeText, from)
    t.not(composeProblems(parse(changed, { merge: true })).length, 0, to)
  }
})

t.test('compose: the database, then the migration, then the server', async t => {
  const { database, migrate, server } = composition.services
  t.ok(database)
  t.strictSame(migrate?.depends_on, { database: { condition: 'service_healthy' } })
  t.match(server?.depends_on, { migrate: { condition: 'service_completed_successfully' } })
  t.strictSame(migrate?.command, ['node', 'migrate.js'])
  t.equal(migrate?.image, server?.image)
  t.equal(migrate?.environment['DATABASE_URL'], server?.environment['DATABASE_URL'])
  t.strictSame(server?.build, { context: '../../..', dockerfile: 'examples/restaurant/deploy/Dockerfile' })
  for (const service of [migrate, server]) t.match(service, { read_only: true, cap_drop: ['ALL'] })
  t.match(server?.ports, [/^127\.0\.0\.1:\d+:8080$/])
  t.ok(Number.parseInt(server?.stop_grace_period ?? '', 10) > 20)
})

t.test('compose: with .env.example filled in it starts, every variable means something, and what is missing is said', async t => {
  const env = serverEnv(answers)
  const known = variables()
  for (const name of Object.keys(env)) t.ok(known.has(name), name)
  const given = new Set(Object.keys(env))
  t.strictSame(Object.keys(answers).filter(name => !given.has(name)), ['DATABASE_LISTEN_URL', 'HOST', 'PORT', 'POSTGRES_PASSWORD'], 'none of the others is left out without a word')
  t.equal(start(env), 'https://api.example.com')
  t.equal(new URL(env['DATABASE_URL'] ?? '').hostname, 'database')
  for (const name of ['OAUTH_SERVER_URL', 'JWT_SECRET', 'OAUTH_PROVIDER', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET']) {
    t.throws(() => serverEnv({ ...answers, [name]: '' }), new RegExp(`^${name}: set it in .env`), name)
  }
  t.throws(() => interpolate(composition.services['database']?.environment['POSTGRES_PASSWORD'] ?? '', {}), /^POSTGRES_PASSWORD: set it in/)
  for (const value of Object.values(composition.services).flatMap(({ environment }) => Object.entries(environment))) {
    t.notMatch(value.join('='), /(?:SECRET|PASSWORD)=(?!\$\{)/, 'nothing secret is in the file')
  }
})
