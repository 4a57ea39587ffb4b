import t from 'tap'
import { createCore } from '../../lib/create-core.ts'
import { openOffice } from '../fixtures/command-line.ts'
import { pluginOptions } from '../fixtures/guarded-app.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'

t.setTimeout(120_000)

t.test('keys: nothing is made before the server has started once', async t => {
  const { type, ask, database } = await openOffice(t)
  const none = 'There are no key pairs yet: the server makes them at its first start.'
  t.strictSame(await type('keys list'), { code: 0, stdout: `${none}\n`, stderr: '' })
  t.strictSame(await ask('keys list'), [])
  t.strictSame(await type('keys rotate'), { code: 1, stdout: '', stderr: `error: ${none}\n` })
  t.strictSame(await database.storage.listSigningKeys(), [])
})

t.test('keys list and rotate: the next one is published and signs later; the server knows it', async t => {
  const { type, ask, database } = await openOffice(t)
  const server = createCore(resolveOptions(pluginOptions({ storage: database.storage })), () => {}, { error: () => {}, info: () => {} })
  await server.ready()
  const [key] = await ask('keys list')
  t.match(key, { algorithm: 'RS256', state: 'signing', endsAt: null })
  t.strictSame(Object.keys(key), ['keyId', 'algorithm', 'state', 'createdAt', 'signsFrom', 'endsAt'])
  const { code, stdout } = await type('keys rotate')
  t.equal(code, 0)
  t.match(stdout, /^KEY +ALGORITHM +STATE +CREATED +SIGNS FROM +ENDS\n/)
  t.match(stdout, new RegExp(`^${key.keyId} +RS256 +signing .*Z$`, 'm'))
  t.match(stdout, /^\S+ +RS256 +next .*-$/m)
  t.match((await type('keys list')).stdout, stdout)
  const rotated = await ask('keys list')
  t.strictSame(rotated.map(({ state }: { state: string }) => state), ['signing', 'next'])
  await server.keys.prepare(new Date())
  t.strictSame(server.keys.list(new Date()).map(({ keyId }) => keyId), rotated.map(({ keyId }: { keyId: string }) => keyId))
  t.notMatch(JSON.stringify(rotated), /sealed|private/i)
})

t.test('the command line does not retire what the server\'s own options keep for longer', async t => {
  const { type, database } = await openOffice(t)
  const server = createCore(resolveOptions(pluginOptions({ storage: database.storage })), () => {}, { error: () => {}, info: () => {} })
  await server.ready()
  await database.run("UPDATE oauth_signing_keys SET signs_from = now() - interval '300 days', created_at = now() - interval '300 days'")
  t.match(await type('users add ann@example.com'), { code: 0 })
  t.match(await database.storage.listSigningKeys(), [{ retiredAt: null }])
})
