import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { StorageUnavailableError } from '../../lib/index.ts'
import { callMcp, connect } from '../fixtures/flow.ts'
import { guardedApp } from '../fixtures/guarded-app.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

/** RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2: what only the private key has. */
const privateParameters = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

t.test('RFC 7517 §4: the published keys say what they are for, and have no private parts', async t => {
  for (const [signingAlgorithm, algorithms] of [['HS256', ['RS256']], ['RS256', ['RS256']], ['ES256', ['RS256', 'ES256']], ['EdDSA', ['RS256', 'EdDSA']]] as const) {
    const app = await guardedApp(t, { signingAlgorithm, protect: [] })
    const response = await app.inject('/.well-known/jwks.json')
    t.match(response, { statusCode: 200, headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'public, max-age=300' } })
    const { keys } = response.json()
    t.strictSame(keys.map(({ alg }: { alg: string }) => alg), algorithms, signingAlgorithm)
    for (const key of keys) {
      t.match(key, { kid: /^[\w-]{22}$/, use: 'sig' })
      t.strictSame(privateParameters.filter(name => name in key), [])
    }
  }
})

t.test('RFC 8414 §2: jwks_uri leads to the keys, also of an issuer with a path', async t => {
  for (const path of ['', '/t']) {
    const { world } = await startPlayedWorld(t, { path })
    const metadata = await (await fetch(`${world.origin}/.well-known/oauth-authorization-server${path}`)).json() as { jwks_uri: string }
    t.equal(metadata.jwks_uri, `${world.issuer}/.well-known/jwks.json`)
    const bodies = await Promise.all([metadata.jwks_uri, `${world.origin}/.well-known/jwks.json`].map(async url => await (await fetch(url)).text()))
    t.match(bodies[0], '"kty":"RSA"')
    t.equal(bodies[0], bodies[1])
  }
})

for (const signingAlgorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
  t.test(`RFC 9068 §2.1: others verify an access token signed with ${signingAlgorithm} by the published keys`, async t => {
    const { world } = await startPlayedWorld(t, { signingAlgorithm })
    const { tokens } = await connect(world)
    t.equal((await callMcp(world, tokens.access_token)).status, 200)
    const keys = createRemoteJWKSet(new URL(`${world.origin}/.well-known/jwks.json`))
    const { protectedHeader } = await jwtVerify(tokens.access_token, keys, { issuer: world.issuer, audience: world.mcpUrl, typ: 'at+jwt' })
    t.equal(protectedHeader.alg, signingAlgorithm)
    t.equal(decodeProtectedHeader(tokens.refresh_token).alg, 'HS256', 'refresh tokens are ours alone')
  })
}

t.test('the published keys are unavailable while the storage was never there', async t => {
  const watch = watchStorage()
  watch.failure = new StorageUnavailableError()
  const app = await guardedApp(t, { storage: watch.storage, protect: [] })
  const down = await app.inject('/.well-known/jwks.json')
  t.match(down, { statusCode: 503, headers: { 'retry-after': '5', 'cache-control': 'no-store' } })
  watch.failure = undefined
  t.equal((await app.inject('/.well-known/jwks.json')).statusCode, 200)
})
