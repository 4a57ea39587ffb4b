import t from 'tap'
import { mac } from '../../../lib/keys/secrets.ts'
import { authorizeUrl, pkce, register } from '../../fixtures/flow.ts'
import { fc, holdsOnTheWire, printableAscii } from '../../fixtures/property.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'

const { provider, world } = await startPlayedWorld(t)
const client = await register(world)
const { pathname, search } = new URL(authorizeUrl(world, client, pkce()))
// Under another loopback name, the page would be sent to the issuer's.
const host = new URL(world.issuer).host
const form = { host, 'content-type': 'application/x-www-form-urlencoded' }

function hiddenField (body: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]+)"`).exec(body)?.[1] ?? ''
}

/** Opens the consent page in a browser of its own. */
async function openPage (): Promise<{ cookie: string, request: string, csrf: string }> {
  const { body, cookies } = await world.app.inject({ url: pathname + search, headers: { host } })
  const [{ name = '', value = '' } = {}] = cookies
  return { cookie: `${name}=${value}`, request: hiddenField(body, 'request'), csrf: hiddenField(body, 'csrf') }
}

async function decide ({ cookie, request, csrf }: { cookie: string, request: string, csrf: string }): Promise<number> {
  const payload = new URLSearchParams({ request, csrf, decision: 'allow' }).toString()
  return (await world.app.inject({ method: 'POST', url: '/oauth/consent', headers: { ...form, cookie }, payload })).statusCode
}

const edit = fc.record({ at: fc.nat(1000), take: fc.constantFrom(0, 1), put: fc.oneof(fc.constant(''), fc.constantFrom(...'Aa0-_.=+/'), printableAscii) })
const edited = (text: string, { at, take, put }: { at: number, take: number, put: string }) => {
  const start = at % (text.length + 1)
  return text.slice(0, start) + put + text.slice(start + take)
}

t.test('C3, PX-03: a consent form of which one character was changed is refused, and nobody goes to the provider', async t => {
  const page = await openPage()
  for (const part of ['request', 'csrf', 'cookie'] as const) {
    await holdsOnTheWire(t, part, fc.asyncProperty(edit, async change => {
      const changed = edited(page[part], change)
      // Another spelling of the same cookie.
      if (changed === page[part] || (part === 'cookie' && /[;,%\s"]/.test(change.put))) return true
      return [400, 403].includes(await decide({ ...page, [part]: changed }))
    }))
  }
  const other = await openPage()
  for (const part of ['request', 'csrf', 'cookie'] as const) t.equal(await decide({ ...page, [part]: other[part] }), 403, `${part} of another page`)
  t.equal(provider.asked.length, 0)
  t.equal(await decide(page), 303, 'as it was, it is good')
  t.equal(await decide({ ...page, csrf: other.csrf }), 403)
})

t.test('C3, C8: whoever knows their own cookie can vouch for a form, and not write one', async t => {
  const { cookie, request } = await openPage()
  const [payload = '', tag = ''] = request.split('.')
  const browser = cookie.slice(cookie.indexOf('=') + 1)
  const forged = fc.oneof(
    fc.base64String().map(text => `${text}.${tag}`), fc.json().map(json => `${Buffer.from(json).toString('base64url')}.${tag}`), fc.constant(payload), edit.map(change => edited(request, change))
  )
  await holdsOnTheWire(t, 'with a CSRF value that is right', fc.asyncProperty(forged, async text => {
    return text === request || text === '' || await decide({ cookie, request: text, csrf: mac(browser, 'consent', text) }) === 403
  }))
})

t.test('PX-04: whatever the Cookie header holds, the page comes, with a cookie that can be no one else\'s', async t => {
  const header = fc.oneof(printableAscii, fc.array(fc.tuple(fc.constantFrom('mcp-oauth-consent', '__Host-mcp-oauth-consent', 'x', '__proto__', ''), printableAscii).map(pair => pair.join('=')), { maxLength: 4 }).map(pairs => pairs.join('; ')))
  await holdsOnTheWire(t, 'one that was made up is replaced', fc.asyncProperty(header, async cookie => {
    const { statusCode, headers } = await world.app.inject({ url: pathname + search, headers: { host, cookie } })
    const value = /^mcp-oauth-consent=([\w-]{43});/.exec(String(headers['set-cookie']))?.[1] ?? ''
    return statusCode === 200 && value !== '' && !cookie.includes(value)
  }))
  await holdsOnTheWire(t, 'so is one that is longer than ours, whatever stands at its ends', fc.asyncProperty(fc.stringMatching(/^[\w-]{43}[!#-+.-:<-[\]-~]{1,9}$/), fc.boolean(), async (value, turned) => {
    const made = turned ? [...value].reverse().join('') : value
    const { headers } = await world.app.inject({ url: pathname + search, headers: { host, cookie: `mcp-oauth-consent=${made}` } })
    return !made.includes(/^mcp-oauth-consent=([\w-]{43});/.exec(String(headers['set-cookie']))?.[1] ?? made)
  }))
  const { cookie } = await openPage()
  await holdsOnTheWire(t, 'one that is ours stays, whatever stands beside it', fc.asyncProperty(fc.stringMatching(/^[a-z]{1,8}=[\w%."]{0,20}$/), async other => {
    const { headers } = await world.app.inject({ url: pathname + search, headers: { host, cookie: `${other}; ${cookie}` } })
    return String(headers['set-cookie']).startsWith(`${cookie};`)
  }))
})

t.test('C2, C8: a callback whose state or cookie was changed is refused, and no code is exchanged', async t => {
  const page = await openPage()
  const payload = new URLSearchParams({ request: page.request, csrf: page.csrf, decision: 'allow' }).toString()
  const allowed = await world.app.inject({ method: 'POST', url: '/oauth/consent', headers: { ...form, cookie: page.cookie }, payload })
  const state = new URL(String(allowed.headers.location), world.origin).searchParams.get('state') ?? ''
  const [signIn] = allowed.cookies
  const cookie = `${signIn?.name}=${signIn?.value}`
  const callback = async (sent: { state: string, cookie: string }) => {
    const query = new URLSearchParams({ code: 'upstream-code', state: sent.state }).toString()
    return (await world.app.inject({ url: `/oauth/callback?${query}`, headers: { host, cookie: sent.cookie } })).statusCode
  }
  await holdsOnTheWire(t, 'state', fc.asyncProperty(edit, async change => {
    const changed = edited(state, change)
    return changed === state || [400, 403].includes(await callback({ state: changed, cookie }))
  }))
  await holdsOnTheWire(t, 'cookie', fc.asyncProperty(edit, async change => {
    const changed = edited(cookie, change)
    return changed === cookie || /[;,%\s"]/.test(change.put) || [400, 403].includes(await callback({ state, cookie: changed }))
  }))
  t.equal(provider.exchanged.length, 0)
  t.equal(await callback({ state, cookie }), 302, 'as they were, they are good')
})
