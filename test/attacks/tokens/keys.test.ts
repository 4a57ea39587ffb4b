import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import { mock } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT, UnsecuredJWT, type JWTHeaderParameters } from 'jose'
import t, { type Test } from 'tap'
import { StorageUnavailableError, type SigningAlgorithm } from '../../../lib/index.ts'
import { deriveKey } from '../../../lib/keys/secrets.ts'
import { signIdToken } from '../../../lib/keys/tokens.ts'
import { serverBehind } from '../../../lib/server.ts'
import { MemoryStorage } from '../../../lib/storage/memory/storage.ts'
import { signInAs } from '../../../lib/testing/index.ts'
import { answering, guardedApp } from '../../fixtures/guarded-app.ts'
import { watchStorage } from '../../fixtures/watched-storage.ts'
import { secret } from '../../fixtures/world.ts'

const algorithms: readonly SigningAlgorithm[] = ['HS256', 'RS256', 'ES256', 'EdDSA']
const pairs: Record<string, { privateKey: KeyObject }> = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }), ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }), EdDSA: generateKeyPairSync('ed25519')
}

async function start (t: Test, signingAlgorithm: SigningAlgorithm, storage = watchStorage()) {
  const app = await guardedApp(t, { signingAlgorithm, storage: storage.storage, revalidateAfter: 0, after: answering() })
  const { authorization } = await signInAs(app, { email: 'ann@example.com' })
  return { app, watch: storage, token: authorization.slice('Bearer '.length) }
}

async function call (app: FastifyInstance, token: string): Promise<number> {
  return (await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: `Bearer ${token}` } })).statusCode
}

function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

async function publicKeys (app: FastifyInstance): Promise<Array<JsonWebKey & { alg: string }>> {
  return (await app.inject('/.well-known/jwks.json')).json().keys
}

/** A token with these claims under whatever key and header. */
async function sign (token: string, header: Partial<JWTHeaderParameters>, key: KeyObject | Uint8Array): Promise<string> {
  const { alg = '', ...others } = decodeProtectedHeader(token)
  return await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg, ...others, ...header }).sign(key, { crit: { x: false } })
}

for (const algorithm of algorithms) {
  t.test(`T11: under ${algorithm}, a token of another algorithm, key or header is 401`, async t => {
    const { app, token, watch } = await start(t, algorithm)
    const { kid = '', typ } = decodeProtectedHeader(token)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const input = (changes: object) => `${encode({ alg: algorithm, typ, kid, ...changes })}.${payload}`
    const forgeries: Record<string, string> = {
      none: new UnsecuredJWT(decodeJwt(token)).encode(),
      'none, with our kid': `${input({ alg: 'none' })}.`,
      'none, with a signature': `${input({ alg: 'none' })}.${signature}`,
      'a derived key': await sign(token, { alg: 'HS256' }, deriveKey(secret, 'refresh token')),
      'an unknown kid': await sign(token, { alg: 'HS256', kid: 'A'.repeat(22) }, new TextEncoder().encode(secret)),
      'no kid': `${encode({ alg: algorithm, typ })}.${payload}.${signature}`,
      crit: `${input({ crit: ['x'], x: 1 })}.${signature}`,
      'without its signature': `${header}.${payload}.`,
      'with space': `${token} x`
    }
    for (const key of await publicKeys(app)) {
      const publicKey = createPublicKey({ key, format: 'jwk' })
      const secrets = [publicKey.export({ format: 'pem', type: 'spki' }), publicKey.export({ format: 'der', type: 'spki' }), JSON.stringify(key), Buffer.from(key.n ?? key.x ?? '', 'base64url')]
      for (const [index, as] of secrets.entries()) {
        for (const name of [kid, String(key['kid'])]) {
          const start = input({ alg: 'HS256', kid: name })
          forgeries[`HS256 with the public ${key.alg} key as the secret, form ${index}, ${name === kid}`] = `${start}.${createHmac('sha256', as).update(start).digest('base64url')}`
        }
      }
    }
    for (const [alg, { privateKey }] of Object.entries(pairs)) {
      const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
      forgeries[`${alg} by a stranger`] = await sign(token, { alg }, privateKey)
      forgeries[`${alg} by a stranger who brings the key along`] = await sign(token, { alg, jwk, jku: 'https://evil.example/jwks' }, privateKey)
    }
    if (algorithm !== 'HS256') forgeries['HS256 by the root secret under the kid of a key pair'] = await sign(token, { alg: 'HS256' }, new TextEncoder().encode(secret))
    watch.calls.length = 0
    for (const [what, forgery] of Object.entries(forgeries)) t.equal(await call(app, forgery), 401, what)
    t.notOk(watch.calls.includes('findToken'), 'none gets as far as the row')
    t.equal(await call(app, token), 200)
  })

  t.test(`T11: under ${algorithm}, the key says which algorithm it is`, async t => {
    const { app, token } = await start(t, algorithm)
    const signs = serverBehind(app.mcpOAuth)?.keys.signingKey('access', new Date()).signs
    if (signs === undefined) throw new Error('there is no key')
    const own = algorithm === 'HS256' ? new TextEncoder().encode(secret) : signs
    const others: Record<SigningAlgorithm, string[]> = { HS256: [], RS256: ['RS384', 'RS512', 'PS256'], ES256: [], EdDSA: ['Ed25519'] }
    for (const alg of others[algorithm]) t.equal(await call(app, await sign(token, { alg }, own)), 401, alg)
    t.equal(await call(app, await sign(token, { crit: ['x'], x: 1 }, own)), 401, 'a critical header that nobody knows')
    t.equal(await call(app, await sign(token, {}, own)), 200, 'the same claims by the same key')
  })

  t.test(`T11: under ${algorithm}, one token has one spelling`, async t => {
    const { app, token } = await start(t, algorithm)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const last = Buffer.from(signature, 'base64url')
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const twins = [...alphabet].map(character => signature.slice(0, -1) + character).filter(other => other !== signature && Buffer.from(other, 'base64url').equals(last))
    t.ok(twins.length > 0)
    for (const spelling of [...twins, `${signature}=`, `${signature}==`, `${signature}.`, `${signature},`]) t.equal(await call(app, `${header}.${payload}.${spelling}`), 401, spelling.slice(-4))
    t.equal(await call(app, `${header}=.${payload}.${signature}`), 401)
    t.equal(await call(app, token), 200)
  })

  t.test(`T20: under ${algorithm}, whoever has the key still can't say more than the row`, async t => {
    const { app, token } = await start(t, algorithm)
    const other = await signInAs(app, { email: 'bob@example.com', role: 'admin' })
    const bob = decodeJwt(other.authorization.slice('Bearer '.length))
    const signs = serverBehind(app.mcpOAuth)?.keys.signingKey('access', new Date()).signs
    if (signs === undefined) throw new Error('there is no key')
    const changes: Record<string, object> = {
      'of another': { sub: bob.sub },
      'of another client': { client_id: bob['client_id'] },
      'more scopes': { scope: 'openid email admin' },
      'another end': { exp: (bob.exp ?? 0) + 1000 },
      'another resource': { aud: 'https://api.example.com/other' },
      'another row': { jti: bob.jti },
      'no row': { jti: 'made-up' }
    }
    for (const [what, claims] of Object.entries(changes)) {
      const forged = await new SignJWT({ ...decodeJwt(token), ...claims }).setProtectedHeader({ alg: algorithm, ...decodeProtectedHeader(token) }).sign(signs)
      t.equal(await call(app, forged), 401, what)
    }
    t.equal(await call(app, token), 200)
  })
}

t.test('T20: a token of a living row by another key of ours than the row names is 401', async t => {
  const { app, token } = await start(t, 'RS256')
  const stranger = await guardedApp(t, { after: answering() })
  const { authorization } = await signInAs(stranger, { email: 'ann@example.com' })
  const { alg = '', ...root } = decodeProtectedHeader(authorization.slice('Bearer '.length))
  t.equal(await call(app, await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg, ...root }).sign(new TextEncoder().encode(secret))), 401)
  t.equal(await call(app, token), 200)
})

for (const [before, later] of [['HS256', 'RS256'], ['RS256', 'HS256'], ['ES256', 'EdDSA']] as const) {
  t.test(`T15: tokens under ${before} live on after a change to ${later}, to their end and no longer`, async t => {
    mock.timers.enable({ apis: ['Date'], now: Date.now() })
    t.teardown(() => { mock.timers.reset() })
    const watch = watchStorage()
    const { token } = await start(t, before, watch)
    const { app, token: fresh } = await start(t, later, watch)
    t.strictSame([token, fresh].map(one => decodeProtectedHeader(one).alg), [before, later])
    mock.timers.tick(604_790_000)
    t.strictSame([await call(app, token), await call(app, fresh)], [200, 200])
    mock.timers.tick(11_000)
    t.equal(await call(app, token), 401)
  })
}

t.test('T15: a key pair rotates on schedule, and no token dies of it', async t => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const watch = watchStorage(new MemoryStorage())
  const options = { signingAlgorithm: 'ES256', signingKeyLifetime: 86_400, storage: watch.storage, revalidateAfter: 0, after: answering() } as const
  const app = await guardedApp(t, options)
  const replica = await guardedApp(t, options)
  const signIn = async () => (await signInAs(app, { email: 'ann@example.com' })).authorization.slice('Bearer '.length)
  const kids = async (at: FastifyInstance) => (await publicKeys(at)).filter(({ alg }) => alg === 'ES256').map(key => key['kid'])
  const first = await signIn()
  await replica.ready()
  const { kid: old } = decodeProtectedHeader(first)
  mock.timers.tick(86_400_000)
  const published = await kids(app)
  t.equal(published.length, 2, 'a new one is published')
  const between = await signIn()
  t.equal(decodeProtectedHeader(between).kid, old, 'and does not sign yet')
  t.strictSame(await kids(replica), published, 'the replica follows without a restart')
  mock.timers.tick(420_000)
  const late = await signIn()
  t.not(decodeProtectedHeader(late).kid, old, 'it signs when everybody has it')
  t.ok(published.includes(decodeProtectedHeader(late).kid))
  for (const at of [app, replica]) for (const token of [first, between, late]) t.equal(await call(at, token), 200)
  mock.timers.tick(604_700_000 - 420_000)
  t.equal(await call(replica, between), 200, 'to the end of the last token')
  mock.timers.tick(1_000_000)
  t.notOk((await kids(replica)).includes(old), 'then it goes')
  t.notOk((await watch.storage.listSigningKeys()).some(({ id }) => id === old), 'from the storage too')
})

t.test('T12: a token whose key can not be looked for is 503, not 401', async t => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const { app, token, watch } = await start(t, 'ES256')
  const unknown = await sign(token, { kid: 'A'.repeat(22) }, pairs['ES256']?.privateKey ?? new Uint8Array())
  t.equal(await call(app, unknown), 401)
  mock.timers.tick(6000)
  watch.failure = new StorageUnavailableError()
  t.equal(await call(app, unknown), 503)
  mock.timers.tick(1000)
  t.equal(await call(app, unknown), 503)
  mock.timers.tick(6000)
  watch.failure = undefined
  t.equal(await call(app, unknown), 401)
  t.equal(await call(app, token), 200)
})

t.test('TK-13, T10: an id_token is verified by the published keys, and opens nothing here', async t => {
  const { app, token } = await start(t, 'RS256')
  const keys = serverBehind(app.mcpOAuth)?.keys
  if (keys === undefined) throw new Error('there are no keys')
  const claims = { ...decodeJwt(token), aud: 'mcp-1', nonce: 'n' }
  const idToken = await signIdToken(keys.signingKey('id', new Date()), claims)
  const { payload, protectedHeader } = await jwtVerify(idToken, createLocalJWKSet({ keys: keys.publicKeys(new Date()) }), { audience: 'mcp-1' })
  t.strictSame(payload, claims)
  t.match(protectedHeader, { alg: 'RS256', typ: 'JWT' })
  t.equal(await call(app, idToken), 401)
  t.equal(await call(app, await signIdToken(keys.signingKey('id', new Date()), decodeJwt(token))), 401, 'whatever it says')
})
