import t from 'tap'
import { createDatabase } from '../fixtures/postgres.ts'
import { checkTypes, run, writePrograms } from '../fixtures/programs.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(180_000)

const programs = writePrograms(t)

t.test('every program of the pages passes the type-checker', async t => {
  t.ok(programs.length >= 12)
  t.strictSame(checkTypes(programs), [])
})

t.test('every program of the pages runs, and those that listen are shut to whoever has no token', async t => {
  for (const program of programs) {
    const port = await run(t, program, {
      DATABASE_URL: await createDatabase(t),
      LOG_LEVEL: 'silent',
      OAUTH_SERVER_URL: 'https://api.example.com',
      JWT_SECRET: secret,
      OAUTH_PROVIDER: 'google',
      OAUTH_CLIENT_ID: '1234567890-abc.apps.googleusercontent.com',
      OAUTH_CLIENT_SECRET: 'GOCSPX-from-the-console'
    })
    t.pass(program.name)
    if (port === undefined) continue
    const metadata = await fetch(`http://127.0.0.1:${port}/.well-known/oauth-authorization-server`)
    t.match(await metadata.json(), { issuer: 'https://api.example.com', token_endpoint: 'https://api.example.com/oauth/token' }, program.name)
    const refused = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    t.equal(refused.status, 401, program.name)
    t.match(refused.headers.get('www-authenticate'), 'resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp"', program.name)
  }
})
