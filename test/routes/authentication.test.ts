import t from 'tap'
import type { Test } from 'tap'
import { linksOf } from '../fixtures/browser-jar.ts'
import { authorize, authorizeUrl, pkce, refusalOf, register } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

async function start (t: Test) {
  const played = await startPlayedWorld(t)
  const client = await register(played.world)
  return { ...played, client }
}

t.test('AZ-13, AZ-08: prompt=none is interaction_required on our page, with a link back and no redirect', async t => {
  const { world, client, provider } = await start(t)
  const url = authorizeUrl(world, client, pkce(), { prompt: 'none' })
  const page = await world.browser.visit(url)
  t.equal(page.status, 400)
  const [back] = linksOf(page)
  t.same([...back?.searchParams ?? []].map(([name]) => name), ['error', 'error_description', 'state', 'iss'])
  t.equal(back?.searchParams.get('error'), 'interaction_required')
  t.equal(back?.searchParams.get('state'), 'client-state')
  const asProgram = await world.browser.fetch(url, { headers: { accept: 'application/json' } })
  t.same(await refusalOf(asProgram), { status: 400, error: 'interaction_required' })
  t.same(provider.asked, [], 'nothing began at the provider')
})

t.test('OIDC Core §6.1: a request object is request_not_supported', async t => {
  const { world, client } = await start(t)
  const [back] = linksOf(await world.browser.visit(authorizeUrl(world, client, pkce(), { request: 'e30.e30.' })))
  t.equal(back?.searchParams.get('error'), 'request_not_supported')
})

t.test('AZ-13: prompt, max_age and login_hint reach the provider, as they stood in the request that was approved', async t => {
  const { world, client, provider } = await start(t)
  await authorize(world, client, pkce(), { prompt: 'consent login nonsense', max_age: '300', login_hint: 'you@example.com', ui_locales: 'de' })
  await authorize(world, client, pkce())
  t.match(provider.asked, [
    { prompts: ['login', 'consent'], maxAge: 300, loginHint: 'you@example.com' },
    { prompts: [], maxAge: null, loginHint: null }
  ])
})

t.test('OIDC Core §3.1.2.1: a sign-in that is older than max_age, or than a request for a new one, is login_required on our page', async t => {
  const { world, client, provider, watch } = await start(t)
  const visit = async (parameters: Record<string, string>, secondsAgo: number) => {
    provider.identity = { ...provider.identity, authenticatedAt: new Date(Date.now() - secondsAgo * 1000) }
    const consent = await world.browser.visit(authorizeUrl(world, client, pkce(), parameters))
    return await world.browser.submit(consent, { decision: 'allow' }, { until: 'http://127.0.0.1:4321/callback' })
  }
  for (const [parameters, age] of [[{ max_age: '300' }, 400], [{ max_age: '0' }, 90], [{ prompt: 'login' }, 90], [{ prompt: 'login', max_age: '300' }, 90]] as const) {
    const page = await visit(parameters, age)
    t.equal(page.status, 400, JSON.stringify(parameters))
    t.match(page.body, /more recent sign-in than yours at Local/)
    const [back] = linksOf(page)
    t.equal(back?.searchParams.get('error'), 'login_required')
    t.equal(back?.searchParams.get('state'), 'client-state')
  }
  t.notOk(watch.calls.includes('signIn'), 'nobody is let in, or pinned')
  t.notOk(watch.calls.includes('createGrant'))
  for (const [parameters, age] of [[{ max_age: '300' }, 200], [{ prompt: 'login' }, 0], [{ prompt: 'consent' }, 90], [{}, 1e6]] as const) {
    t.ok((await visit(parameters, age)).url.searchParams.has('iss'), `${JSON.stringify(parameters)} after ${age} s`)
  }
})
