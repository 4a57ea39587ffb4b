import t from 'tap'
import { admit, authenticationTime, saysWhen } from '../../lib/grants/sign-in.ts'
import { serverBehind } from '../../lib/server.ts'
import { guardedApp } from '../fixtures/guarded-app.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'

const now = new Date('2026-11-01T12:00:00Z')
const after = (milliseconds: number) => new Date(now.getTime() + milliseconds)
const identity = { issuer: 'https://local.example', subject: 's', email: 'ann@example.com', emailVerified: true, name: undefined, picture: undefined }
const said = (authenticatedAt: Date | undefined) => ({ ...identity, authenticatedAt })

t.test('OIDC Core §2: somebody signed in when the provider says, or now where it says nothing or what lies ahead', async t => {
  for (const when of [new Date(0), after(-1), now]) t.equal(authenticationTime(said(when), now), when)
  for (const when of [undefined, after(1), after(60_000), new Date(now.getTime() * 1000), new Date(NaN)]) t.equal(authenticationTime(said(when), now), now)
})

t.test('PX-11: a provider whose clock is a minute ahead says when, one that is further ahead says nothing', async t => {
  for (const when of [new Date(0), now, after(60_000)]) t.ok(saysWhen(said(when), now), when.toISOString())
  for (const when of [undefined, after(60_001), new Date(now.getTime() * 1000), new Date(NaN)]) t.notOk(saysWhen(said(when), now), String(when))
})

t.test('PX-10: an identity that is as long as can be stored is admitted, with its name', async t => {
  const server = serverBehind((await guardedApp(t, { protect: [] })).mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  await server.storage.addUser({ id: 'u', email: 'ann@example.com', name: null, role: 'user' }, now)
  const longest = { issuer: `https://${'i'.repeat(2040)}`, subject: 's'.repeat(255), name: 'n'.repeat(200), picture: `https://${'p'.repeat(2040)}` }
  t.match(await admit(server, scriptedProvider(), { ...identity, ...longest }, now), {
    user: { id: 'u', providerIssuer: longest.issuer, providerUserId: longest.subject, name: longest.name, picture: longest.picture }, email: 'ann@example.com'
  })
  t.strictSame(await admit(server, scriptedProvider(), { ...identity, email: undefined }, now), { refusal: 'no-email', email: undefined, userIds: [] })
})
