import { mock } from 'node:test'
import { decodeJwt } from 'jose'
import t from 'tap'
import { readForm } from '../../fixtures/browser-jar.ts'
import { authorize, authorizeUrl, callMcp, pkce, redeem, redirectUri, refresh, token, type Registered, type Site, type Tokens } from '../../fixtures/flow.ts'
import { forge } from '../../fixtures/forge.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'

const initialAccessToken = 'q7Lk2VdXw9RtZs4Nb6Yc8Mf1Gh3Jp5Ka'
const here = 'https://api.example.com/mcp'
const elsewhere = 'https://api.example.com/other'
const json = { accept: 'application/json' }

async function registration (world: Site, bearer: string): Promise<Response> {
  return await fetch(`${world.issuer}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ client_name: 'Test client', redirect_uris: [redirectUri], token_endpoint_auth_method: 'client_secret_post' })
  })
}

async function connected (world: Site, client: Registered, resource = here): Promise<Tokens> {
  const challenge = pkce()
  const end = await authorize(world, client, challenge, { resource })
  return await (await redeem(world, client, end.searchParams.get('code') ?? '', challenge)).json() as Tokens
}

function unsigned (accessToken: string): string {
  const [, claims] = accessToken.split('.')
  return `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')}.${claims}.`
}

t.test('T10: the matrix of every kind of token at every place that takes one', async t => {
  // Those that are to be expired are made a month ago.
  mock.timers.enable({ apis: ['Date'], now: Date.now() - 31 * 86_400_000 })
  t.teardown(() => mock.timers.reset())
  const { world } = await startPlayedWorld(t, {
    revalidateAfter: 0,
    // So many wrong secrets would be answered with 429.
    rateLimit: false,
    registration: { mode: 'token', initialAccessToken },
    resource: here,
    protect: ['/mcp', { url: '/other', resource: elsewhere }],
    after: app => {
      app.post('/mcp', async request => request.mcpOAuth.user.email)
      app.post('/other', async request => request.mcpOAuth.user.email)
    }
  })
  const { browser, issuer } = world
  const client = await (await registration(world, initialAccessToken)).json() as Registered
  const expired = await connected(world, client)
  mock.timers.tick(31 * 86_400_000)

  const live = await connected(world, client)
  const foreign = await connected(world, client, elsewhere)
  const revoked = await connected(world, client)
  t.ok(await world.app.mcpOAuth.grants.revoke(((await world.storage.findToken(decodeJwt(revoked.access_token).jti ?? ''))?.grant.id ?? '')))
  const challenge = pkce()
  const code = (await authorize(world, client, challenge, { resource: here })).searchParams.get('code') ?? ''
  const page = await browser.visit(authorizeUrl(world, client, pkce(), { resource: here }))
  const way = await browser.submit(page, { decision: 'allow' }, { until: `${issuer}/oauth/callback` })
  const handle = way.url.searchParams.get('state') ?? ''
  // Its form is not sent: its values stay unused.
  const form = readForm(await browser.visit(authorizeUrl(world, client, pkce(), { resource: here })))
  const cookies = browser.cookies(issuer)

  const kinds: Record<string, string> = {
    'an access token': live.access_token,
    'a refresh token': live.refresh_token,
    'an access token for another resource': foreign.access_token,
    'an expired access token': expired.access_token,
    'an expired refresh token': expired.refresh_token,
    'a revoked access token': revoked.access_token,
    'a revoked refresh token': revoked.refresh_token,
    'an access token of another issuer': await forge(live.access_token, { iss: 'https://evil.example' }),
    'an access token with another audience': await forge(live.access_token, { aud: elsewhere }),
    'an access token that says it is a refresh token': await forge(live.access_token, { token_type: 'refresh_token' }),
    'a refresh token that says it is an access token': await forge(live.refresh_token, { token_type: 'access_token', aud: here, client_id: client.client_id, scope: live.scope }),
    'an access token without a signature': unsigned(live.access_token),
    'an authorization code': code,
    'the upstream code': 'upstream-code',
    'a client id': client.client_id,
    'a client secret': client.client_secret ?? '',
    'a registration token': initialAccessToken,
    'a token id': decodeJwt(live.access_token).jti ?? '',
    'a user id': decodeJwt(live.access_token).sub ?? '',
    'a sealed consent request': form.fields['request'] ?? '',
    'a CSRF value': form.fields['csrf'] ?? '',
    'a transaction handle': handle,
    'the browser’s consent secret': cookies['mcp-oauth-consent'] ?? '',
    'the browser’s sign-in secret': cookies['mcp-oauth-sign-in'] ?? ''
  }
  for (const [kind, value] of Object.entries(kinds)) t.ok(value.length > 5, `there is ${kind}`)

  const credentials = { client_id: client.client_id, client_secret: client.client_secret ?? '' }
  const post = async (path: string, body: Record<string, string>, headers = {}) =>
    await browser.fetch(issuer + path, { method: 'POST', headers: { ...json, ...headers }, body: new URLSearchParams(body) })
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` })
  const state = async (path: string, value: string, headers = {}) => await browser.fetch(`${issuer}${path}?${new URLSearchParams({ state: value, code: 'x' })}`, { headers: { ...json, ...headers } })
  const withCookie = (name: string, value: string) => ({ cookie: new URLSearchParams({ [name]: value }).toString() })

  const invalidToken = { status: 401, body: { error: 'invalid_token' } }
  const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }
  const denied = { status: 403, body: { error: 'access_denied' } }
  interface Place { send (value: string): Promise<Response>, refused: object, takes: string[] }
  const places: Record<string, Place> = {
    'the guard': { send: async value => await callMcp(world, value), refused: invalidToken, takes: ['an access token'] },
    'the guard of the other resource': {
      send: async value => await fetch(`${issuer}/other`, { method: 'POST', headers: bearer(value) }), refused: invalidToken, takes: ['an access token for another resource']
    },
    userinfo: { send: async value => await fetch(`${issuer}/oauth/userinfo`, { headers: bearer(value) }), refused: invalidToken, takes: ['an access token', 'an access token for another resource'] },
    'introspection, by its bearer': {
      send: async value => await post('/oauth/introspect', { token: live.access_token }, bearer(value)), refused: invalidToken, takes: ['an access token', 'an access token for another resource']
    },
    'introspection, of it': {
      send: async value => await post('/oauth/introspect', { token: value, ...credentials }), refused: { status: 200, body: { active: false } }, takes: ['an access token', 'a refresh token', 'an access token for another resource']
    },
    'revocation, by its bearer': {
      send: async value => await post('/oauth/revoke', { token: 'x' }, bearer(value)), refused: invalidToken, takes: ['an access token', 'an access token for another resource']
    },
    'revocation, of it': {
      send: async value => await post('/oauth/revoke', { token: value, ...credentials }), refused: { status: 200 }, takes: ['an access token', 'a refresh token', 'an access token for another resource']
    },
    'the token endpoint, as a code': { send: async value => await redeem(world, client, value, challenge), refused: invalidGrant, takes: ['an authorization code'] },
    'the token endpoint, as a refresh token': { send: async value => await refresh(world, client, value), refused: invalidGrant, takes: ['a refresh token'] },
    'the token endpoint, as a client secret': {
      send: async value => await token(world, { grant_type: 'refresh_token', refresh_token: 'x', client_id: client.client_id, client_secret: value }),
      refused: { status: 401, body: { error: 'invalid_client' } },
      takes: ['a client secret']
    },
    'registration, by its bearer': { send: async value => await registration(world, value), refused: invalidToken, takes: ['a registration token'] },
    'the callback, as state': { send: async value => await state('/oauth/callback', value), refused: denied, takes: ['a transaction handle'] },
    'the page before the provider, as state': { send: async value => await state('/oauth/consent', value), refused: denied, takes: ['a transaction handle'] },
    'the callback, as the browser’s secret': {
      send: async value => await state('/oauth/callback', handle, withCookie('mcp-oauth-sign-in', value)), refused: denied, takes: ['the browser’s sign-in secret']
    },
    'the consent form, as its request': {
      send: async value => await post('/oauth/consent', { ...form.fields, request: value, decision: 'allow' }), refused: denied, takes: ['a sealed consent request']
    },
    'the consent form, as its CSRF value': {
      send: async value => await post('/oauth/consent', { ...form.fields, csrf: value, decision: 'allow' }), refused: denied, takes: ['a CSRF value']
    },
    'the consent form, as the browser’s secret': {
      send: async value => await post('/oauth/consent', { ...form.fields, decision: 'allow' }, withCookie('mcp-oauth-consent', value)), refused: denied, takes: ['the browser’s consent secret']
    }
  }
  for (const [place, { send, refused, takes }] of Object.entries(places)) {
    await t.test(place, async t => {
      for (const kind of takes) t.ok(kind in kinds, `${kind} is one of the kinds`)
      for (const [kind, value] of Object.entries(kinds)) {
        if (takes.includes(kind)) continue
        const response = await send(value)
        const text = await response.text()
        t.match({ status: response.status, body: text === '' ? undefined : JSON.parse(text) }, refused, kind)
      }
    })
  }

  await t.test('nothing of this hurt those at their own places', async t => {
    for (const kind of ['an access token', 'a refresh token', 'an access token for another resource']) {
      t.match(await (await places['introspection, of it']?.send(kinds[kind] ?? ''))?.json(), { active: true }, kind)
    }
    const ends = { 'the guard': 200, 'the guard of the other resource': 200, userinfo: 200, 'introspection, by its bearer': 200, 'the token endpoint, as a code': 200, 'the token endpoint, as a refresh token': 200, 'registration, by its bearer': 201, 'the consent form, as its request': 303, 'the callback, as state': 302 }
    for (const [place, status] of Object.entries(ends)) {
      const { send, takes: [kind = ''] = [] } = places[place] ?? {}
      t.equal((await send?.(kinds[kind] ?? ''))?.status, status, `${kind} at ${place}`)
    }
  })
})
