import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { InvalidOptionError } from '../../lib/index.ts'
import { startDatabase } from '../fixtures/database.ts'
import { callMcp, connect, refresh, refusalOf, type Site, type Tokens } from '../fixtures/flow.ts'
import { freePort } from '../fixtures/free-port.js'
import { answering, guardedApp } from '../fixtures/guarded-app.ts'
import { startServer } from '../fixtures/server-process.ts'
import { secret as older } from '../fixtures/world.ts'

t.setTimeout(120_000)

const newer = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const third = 'q8Lw3ZpXr5Nv7KtYb2MhJd9GfC4sAe6U'

const database = await startDatabase(t)
const port = await freePort()
const issuer = `http://127.0.0.1:${port}`
const kidOf = (token: string) => decodeProtectedHeader(token).kid

async function keysAt (site: Site): Promise<unknown> {
  const { keys } = await (await fetch(`${new URL(site.mcpUrl).origin}/.well-known/jwks.json`)).json() as { keys: unknown[] }
  return keys
}

async function startOver (secrets: string[]) {
  return await startServer(t, issuer, await freePort(), database.url, secrets)
}

async function refreshed (site: Site, client: Parameters<typeof refresh>[1], { refresh_token: token }: Tokens): Promise<Tokens> {
  return await (await refresh(site, client, token)).json() as Tokens
}

t.test('T15: the root secret rotates in three steps, while processes of two steps run side by side', async t => {
  const first = await startServer(t, issuer, port, database.url, [older, newer])
  const { client, tokens } = await connect(first, { resource: undefined })
  const keys = await keysAt(first)

  const second = await startOver([newer, older])
  t.strictSame(await keysAt(second), keys, 'the key pairs are the same')
  // At the other process: its issuer is the first one's, its address is not.
  const there = { ...second, issuer: new URL(second.mcpUrl).origin }
  const fresh = await refreshed(there, client, tokens)
  t.not(kidOf(fresh.access_token), kidOf(tokens.access_token), 'the new secret signs there')
  for (const site of [first, second]) {
    for (const { access_token: token } of [tokens, fresh]) t.equal((await callMcp(site, token)).status, 200)
  }
  const back = await refreshed(first, client, fresh)
  t.equal(kidOf(back.access_token), kidOf(tokens.access_token))
  t.equal((await callMcp(second, back.access_token)).status, 200)
  const last = await refreshed(there, client, back)

  const alone = await startOver([newer])
  t.strictSame(await keysAt(alone), keys, 'and are opened without the old secret')
  t.equal((await callMcp(alone, last.access_token)).status, 200)
  t.same(await refusalOf(callMcp(alone, tokens.access_token)), { status: 401, error: 'invalid_token' })
  t.equal((await callMcp(alone, (await refreshed({ ...alone, issuer: new URL(alone.mcpUrl).origin }, client, last)).access_token)).status, 200, 'nobody had to sign in again')

  const { client: witness, tokens: forgotten } = await connect(first, { resource: undefined })
  const strange = () => guardedApp(t, { secret: third, storage: database.storage, after: answering() })
  await t.rejects(async () => { await (await strange()).ready() }, InvalidOptionError, 'a secret that opens nothing stops the start')
  t.strictSame(await keysAt(alone), keys, 'and replaces nothing')
  await database.run('DELETE FROM oauth_signing_keys')
  const afterLeak = await strange()
  await afterLeak.ready()
  const { keys: ownKeys } = (await afterLeak.inject('/.well-known/jwks.json')).json()
  t.equal(ownKeys.length, 1)
  t.notSame(ownKeys, keys)
  const restarted = await startOver([third])
  t.strictSame(await keysAt(restarted), ownKeys)
  t.same(await refusalOf(callMcp(restarted, forgotten.access_token)), { status: 401, error: 'invalid_token' })
  const origin = new URL(restarted.mcpUrl).origin
  t.same(await refusalOf(refresh({ ...restarted, issuer: origin }, witness, forgotten.refresh_token)), { status: 400, error: 'invalid_grant' })
})
