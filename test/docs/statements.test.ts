import t from 'tap'
import { blocksIn } from '../fixtures/documentation.ts'
import { startDatabase } from '../fixtures/database.ts'

t.setTimeout(120_000)

/** What the whitelist says of an address after a statement about it. */
const verdicts: ReadonlyArray<[statement: RegExp, status: string | undefined]> = [
  [/^INSERT INTO user_profiles/, 'active'],
  [/^UPDATE user_profiles SET status = 'suspended'/, 'suspended'],
  [/^DELETE FROM user_profiles/, undefined]
]

t.test('every SQL statement of the pages does on a migrated database what it says there', async t => {
  const blocks = blocksIn('sql')
  const inserts = blocks.filter(({ code }) => code.includes('INSERT INTO user_profiles'))
  t.ok(inserts.length >= 3)
  for (const page of new Set(blocks.map(({ path }) => path))) {
    const { run, storage } = await startDatabase(t)
    for (const { code, line } of blocks.filter(({ path }) => path === page)) {
      for (const statement of code.split(/;\n+/).filter(text => text.trim() !== '')) {
        await t.resolves(run(statement), `${page}:${line} ${statement.slice(0, 60)}`)
        const verdict = verdicts.find(([pattern]) => pattern.test(statement))
        if (verdict === undefined) continue
        const [email = ''] = /[\w-]+@[\w.]+/.exec(statement) ?? []
        const [user] = await storage.listUsers(email)
        t.equal(user?.status, verdict[1], `${email} after ${statement.slice(0, 40)}`)
      }
    }
  }
})

t.test('the client that migrating.md inserts by hand signs in with its secret, which is then a hash', async t => {
  const { run, storage } = await startDatabase(t)
  const [insert = ''] = blocksIn('sql').flatMap(({ code }) => code.split(/;\n+/)).filter(statement => statement.startsWith('INSERT INTO oauth_clients'))
  await run(insert)
  const client = await storage.findClient('my-client')
  t.match(client, { active: true, redirectUris: ['https://app.example.com/callback'], grantTypes: ['authorization_code', 'refresh_token'] })
  t.strictSame(await run('SELECT client_secret FROM oauth_clients'), [{ client_secret: `sha256:${client?.secretHash}` }])
})
