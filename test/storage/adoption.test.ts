import { createHash } from 'node:crypto'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { guideInserts, guideSchemas } from '../fixtures/guide-schema.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'
import { signInOf } from '../../lib/testing/contract/fixtures.ts'

t.setTimeout(120_000)

const now = new Date()
const looksHashed = `sha256:${'A'.repeat(43)}`

function hashOf (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

// What a guide's server has gathered: people of every kind, clients, a token.
const rows = [
  guideInserts['with ::text'],
  guideInserts['without ::text'],
  `INSERT INTO user_profiles (user_id, email, status, role, provider, provider_user_id) VALUES
    ('ann', 'Ann@Example.com', 'active', 'user', 'google', 'subject-of-ann'),
    ('sue', 'sue@example.com', 'suspended', 'admin', NULL, NULL),
    ('nil', 'nil@example.com', NULL, NULL, '', '')`,
  `INSERT INTO oauth_clients (client_id, client_secret, client_name, redirect_uris) VALUES
    ('chatgpt', 'clear text \u{1F511}', 'ChatGPT Desktop', '["https://chatgpt.com/connector_platform_oauth_redirect"]'),
    ('look-alike', '${looksHashed}', 'Look-alike', '[]'),
    ('open', '', 'Open', '[]')`,
  `INSERT INTO oauth_clients (client_id, client_secret, client_name, redirect_uris, grant_types, active) VALUES
    ('unsaid', 'secret', 'Unsaid', '[]', NULL, NULL),
    ('other', 'secret', 'Other', '[]', '["client_credentials"]', false),
    ('both', 'secret', 'Both', '[]', '["refresh_token", "authorization_code"]', true)`,
  `INSERT INTO oauth_tokens (token_id, client_id, user_id, token_type, expires_at)
    VALUES ('token', 'chatgpt', 'ann', 'access_token', now() + interval '7 days')`
]

async function columnsOf (url: string): Promise<unknown> {
  return execute(url, `SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`)
}

for (const version of [18, 12] as const) {
  t.test(`PostgreSQL ${version}`, async (t) => {
    const fresh = await createDatabase(t, { version })
    await migrateToLatest(connect(t, fresh))

    for (const [variant, schema] of Object.entries(guideSchemas)) {
      t.test(`the guide's ${variant} schema, with rows`, async (t) => {
        const url = await createDatabase(t, { version })
        // Before 13 the guide needs it for its own INSERT.
        await execute(url, 'CREATE EXTENSION IF NOT EXISTS pgcrypto', schema, ...rows)
        const people = 'SELECT id, user_id, email, name, status, role, provider, created_at FROM user_profiles ORDER BY id'
        const before = await execute(url, people)
        const db = connect(t, url)
        await migrateToLatest(db)
        const storage = new KyselyStorage(db)

        t.test('ends as a fresh database does', async (t) => {
          t.same(await columnsOf(url), await columnsOf(fresh))
        })

        t.test('keeps users, roles and status', async (t) => {
          t.same(await execute(url, people), before)
        })

        t.test('a status that is null refuses, as does a suspended one', async (t) => {
          const refused = { refusal: 'suspended' }
          t.match(await storage.signIn(signInOf({ email: 'nil@example.com', subject: 'nil' })), refused)
          t.match(await storage.signIn(signInOf({ email: 'sue@example.com', subject: 'sue' })), refused)
          t.match(await storage.findUser('nil'), { status: null, role: 'user', provider: null, providerUserId: null })
        })

        t.test('a row that a provider was kept for admits only who it was', async (t) => {
          t.match(await storage.signIn(signInOf({ provider: 'microsoft' })), { refusal: 'other-provider' })
          t.match(await storage.signIn(signInOf({ subject: 'another' })), { refusal: 'other-identity' })
          t.match(await storage.signIn(signInOf({ email: 'user@example.com' })), { refusal: 'other-identity', userIds: [String, 'ann'] })
          t.match(await storage.signIn(signInOf()), { user: { id: 'ann', providerIssuer: 'https://accounts.example.com' } })
        })

        t.test('no secret is left in clear, and each is still the client\'s', async (t) => {
          const secrets = await execute(url, 'SELECT client_id, client_secret FROM oauth_clients ORDER BY client_id')
          t.same(secrets.map(({ client_secret: secret }) => secret), [
            `sha256:${hashOf('secret')}`, `sha256:${hashOf('clear text \u{1F511}')}`, `sha256:${hashOf(looksHashed)}`, '',
            `sha256:${hashOf('secret')}`, `sha256:${hashOf('secret')}`
          ])
          t.match(await storage.findClient('chatgpt'), {
            secretHash: hashOf('clear text \u{1F511}'), tokenEndpointAuthMethod: 'client_secret_basic', name: 'ChatGPT Desktop', active: true
          })
          t.match(await storage.findClient('open'), { secretHash: null, tokenEndpointAuthMethod: 'none' })
        })

        t.test('clients may refresh, unless they may not even ask', async (t) => {
          const both = ['authorization_code', 'refresh_token']
          t.same((await storage.findClient('chatgpt'))?.grantTypes, both)
          t.same((await storage.findClient('unsaid'))?.grantTypes, both)
          t.same((await storage.findClient('both'))?.grantTypes, ['refresh_token', 'authorization_code'])
          t.same((await storage.findClient('other'))?.grantTypes, ['client_credentials'])
          await execute(url, "INSERT INTO oauth_clients (client_id, client_name, redirect_uris) VALUES ('later', 'Later', '[]')")
          t.match(await storage.findClient('later'), { grantTypes: both, secretHash: null, tokenEndpointAuthMethod: 'none', active: true })
        })

        t.test('a client that is not said to be active is not', async (t) => {
          t.equal((await storage.findClient('unsaid'))?.active, false)
          t.equal((await storage.findClient('other'))?.active, false)
        })

        t.test('its tokens open nothing any more, and still name a client that exists', async (t) => {
          t.equal(await storage.findToken('token'), undefined)
          t.same(await execute(url, 'SELECT token_id FROM oauth_tokens'), [{ token_id: 'token' }])
          await t.rejects(execute(url, `INSERT INTO oauth_tokens (token_id, client_id, user_id, token_type, expires_at)
            VALUES ('x', 'none', 'ann', 'access_token', now())`), { code: '23503' })
        })

        t.test('what was too long for the guide fits', async (t) => {
          const id = 'https://client.example.com/'.padEnd(600, 'x')
          const client = {
            id,
            name: id,
            secretHash: null,
            redirectUris: [],
            grantTypes: [],
            tokenEndpointAuthMethod: 'none' as const,
            clientUri: null,
            logoUri: null,
            documentFetchedAt: null,
            createdAt: now,
            active: true
          }
          await storage.createClient(client)
          t.same(await storage.findClient(id), client)
        })

        t.test('the guide\'s INSERT works as before', async (t) => {
          await execute(url, "DELETE FROM user_profiles WHERE email IN ('user@example.com', 'your-email@example.com')",
            ...Object.values(guideInserts))
          t.equal((await storage.listUsers('your-email@example.com'))[0]?.role, 'admin')
          t.equal((await storage.listUsers('user@example.com'))[0]?.role, 'user')
        })
      })
    }
  })
}
