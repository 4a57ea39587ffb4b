import { mock } from 'node:test'
import t from 'tap'
import type { Test } from 'tap'
import { MemoryStorage, ProviderError, type SignIn, type SignInResult } from '../../lib/index.ts'
import { allow, authorizeUrl, connect, pkce, redeem, refresh, register } from '../fixtures/flow.ts'
import { countsOf, samplesOf, valueOf } from '../fixtures/samples.ts'
import { scriptedProvider, type ScriptedProvider } from '../fixtures/scripted-provider.ts'
import { startWorld, type World } from '../fixtures/world.ts'

/** A storage whose whitelist says what a test wants of a sign-in. */
class PlayedStorage extends MemoryStorage {
  verdict: SignInResult | undefined

  override async signIn (signIn: SignIn) {
    return this.verdict ?? await super.signIn(signIn)
  }
}

interface Played { world: World, provider: ScriptedProvider, storage: PlayedStorage }

async function start (t: Test, id = 'local'): Promise<Played> {
  const provider = scriptedProvider({ id, emailDomains: ['example.com'] })
  const storage = new PlayedStorage()
  const world = await startWorld(t, { storage, providers: [provider, scriptedProvider({ id: 'other', name: 'Other' })], metrics: true, pages: { admin: true } })
  return { world, provider, storage }
}

const refused = (refusal: 'ambiguous' | 'other-provider') => ({ storage }: Played) => { storage.verdict = { refusal, userIds: [] } }
const failing = (reason: 'unavailable' | 'refused' | 'untrusted') => ({ provider }: Played) => { provider.failure = new ProviderError(reason, 'upstream') }

/** What makes a sign-in end so. */
const cases: Record<string, (played: Played) => unknown> = {
  admitted: () => {},
  'not-listed': ({ provider }) => { provider.signInAs('mallory@example.com') },
  ambiguous: refused('ambiguous'),
  suspended: async ({ world }) => {
    const [you] = await world.app.mcpOAuth.users.list('you@example.com')
    await world.app.mcpOAuth.users.update(you?.id ?? '', { status: 'suspended' })
  },
  'other-provider': refused('other-provider'),
  'other-identity': async ({ world, provider }) => {
    await connect(world)
    provider.signInAs('you@example.com', { subject: 'another' })
  },
  'no-email': ({ provider }) => { provider.signInAs(undefined) },
  unverified: ({ provider }) => { provider.signInAs('you@example.com', { emailVerified: false }) },
  'other-domain': ({ provider }) => { provider.signInAs('you@elsewhere.com') },
  'not-completed': ({ provider }) => { provider.answer = { error: 'access_denied' } },
  'not-recent': ({ provider }) => { provider.signInAs('you@example.com', { authenticatedAt: new Date(0) }) },
  'provider-unavailable': ({ provider }) => { provider.absence = new ProviderError('unavailable', 'upstream') },
  'provider-refused': failing('refused'),
  'provider-untrusted': failing('untrusted')
}

for (const [outcome, play] of Object.entries(cases)) {
  t.test(`a sign-in that is ${outcome} is counted as that, once, at its provider`, async t => {
    const played = await start(t)
    const { world } = played
    const client = await register(world)
    await play(played)
    const before = await countsOf(world.app, 'oauth_sign_ins_total', 'outcome')
    await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce(), { prompt: 'login', max_age: '60' })), { provider: 'Local' })
    t.strictSame(await countsOf(world.app, 'oauth_sign_ins_total', 'outcome'), { ...before, [outcome]: (before[outcome] ?? 0) + 1 })
    t.equal(await valueOf(world.app, 'oauth_sign_ins_total', { provider: 'other' }), 0)
  })
}

t.test('all outcomes are there from the start, for each provider, at 0', async t => {
  const { world } = await start(t)
  const known = (await samplesOf(world.app)).filter(({ name }) => name === 'oauth_sign_ins_total')
  t.ok(known.every(({ value }) => value === 0))
  for (const id of ['local', 'other']) {
    t.strictSame(known.filter(({ labels }) => labels['provider'] === id).map(({ labels }) => labels['outcome']).sort(), [...Object.keys(cases), 'not-admin'].sort())
  }
})

t.test('somebody who may not administer is counted at the page for those who do', async t => {
  const { world, provider } = await start(t)
  await world.app.mcpOAuth.users.add({ email: 'ann@example.com' })
  provider.signInAs('ann@example.com')
  const page = await world.browser.visit(`${world.issuer}/oauth/admin`)
  await world.browser.submit(page, {}, { action: '/oauth/admin/sign-in?provider=local' })
  t.equal(await valueOf(world.app, 'oauth_sign_ins_total', { provider: 'local', outcome: 'not-admin' }), 1)
  provider.signInAs('you@example.com')
  await world.browser.submit(await world.browser.visit(`${world.issuer}/oauth/admin`), {}, { action: '/oauth/admin/sign-in?provider=local' })
  t.equal(await valueOf(world.app, 'oauth_sign_ins_total', { provider: 'local', outcome: 'admitted' }), 1)
})

t.test('what a provider takes is measured by step and outcome', async t => {
  const { world, provider } = await start(t)
  const client = await register(world)
  const signIn = async () => await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce())), { provider: 'Local' })
  const count = async (step: string, outcome: string) => await valueOf(world.app, 'oauth_provider_duration_seconds_count', { provider: 'local', step, outcome })
  t.equal(await count('authorizationUrl', 'ok'), 0, 'there from the start')
  await signIn()
  t.equal(await count('authorizationUrl', 'ok'), 1)
  t.equal(await count('identify', 'ok'), 1)
  for (const reason of ['unavailable', 'refused', 'untrusted'] as const) {
    provider.failure = new ProviderError(reason, 'upstream')
    await signIn()
    t.equal(await count('identify', reason), 1)
  }
  provider.failure = new TypeError('a defect')
  await signIn()
  t.equal(await count('identify', 'failed'), 1)
  t.equal(await count('identify', 'ok'), 1)
})

t.test('T1, T17: a code and a refresh token that come again are counted, each once', async t => {
  const { world } = await start(t)
  const replays = async () => await countsOf(world.app, 'oauth_replays_total', 'kind')
  t.equal(await valueOf(world.app, 'oauth_replays_total', { kind: 'code' }), 0, 'there from the start')
  const client = await register(world)
  const challenge = pkce()
  const end = await allow(world, await world.browser.visit(authorizeUrl(world, client, challenge)), { provider: 'Local' })
  const code = end.url.searchParams.get('code') ?? ''
  t.equal((await redeem(world, client, code, challenge)).status, 200)
  t.strictSame(await replays(), {})
  for (const attempt of ['replayed', 'dead']) t.equal((await redeem(world, client, code, challenge)).status, 400, attempt)
  t.strictSame(await replays(), { code: 1 })

  const { client: second, tokens } = await connect(world)
  t.equal((await refresh(world, second, tokens.refresh_token)).status, 200)
  t.strictSame(await replays(), { code: 1 })
  t.teardown(() => { mock.timers.reset() })
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  for (const attempt of ['reused', 'dead']) t.equal((await refresh(world, second, tokens.refresh_token)).status, 400, attempt)
  t.strictSame(await replays(), { code: 1, 'refresh-token': 1 })
})
