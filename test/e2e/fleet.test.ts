import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { createBrowser, type Page } from '../fixtures/browser-jar.ts'
import { startFleet, type Fleet } from '../fixtures/fleet.ts'
import {
  allow, authorizeUrl, bearer, callMcp, connect, introspect, pkce, redeem, redirectUri, refresh, refusalOf, register, revoke, type Pkce, type Registered, type Site, type Tokens
} from '../fixtures/flow.ts'
import { startRedis, withoutRedis } from '../fixtures/redis.ts'

t.setTimeout(300_000)

for (const size of [2, 4]) {
  t.test(`${size} processes and a client that is at another one at every step: every flow completes`, async t => {
    const { site, counts } = await startFleet(t, size)
    const { client, tokens } = await connect(site)
    t.equal((await callMcp(site, tokens.access_token)).status, 200)
    const rotated = await (await refresh(site, client, tokens.refresh_token)).json() as Tokens
    for (let turn = 0; turn < size; turn++) {
      t.equal((await callMcp(site, rotated.access_token)).status, 200)
      t.match(await (await introspect(site, { token: rotated.access_token }, bearer(rotated.access_token))).json(), { active: true })
    }
    const again = await connect(site)
    t.equal((await revoke(site, { token: rotated.refresh_token, client_id: client.client_id })).status, 200)
    for (let turn = 0; turn < size; turn++) t.equal((await callMcp(site, rotated.access_token)).status, 401)
    t.equal((await callMcp(site, again.tokens.access_token)).status, 200)
    t.ok(counts.every(count => count >= 3), `${counts.join(', ')} requests each`)
  })
}

t.test('a suspension by plain SQL is 401 at all four processes within a second, though each would have believed for an hour', async t => {
  const fleet = await startFleet(t, 4, { REVALIDATE_AFTER: '3600' })
  const took: number[] = []
  // It is the process that listens which is fast; this machine has others to serve.
  for (let attempt = 0; attempt < 3 && took.every(time => time >= 1000); attempt++) {
    await fleet.database.run("UPDATE user_profiles SET status = 'active'")
    took.push(await untilAllRefuse(fleet, "UPDATE user_profiles SET status = 'suspended'"))
  }
  t.ok(took.some(time => time < 1000) && took.every(time => time < 20_000), `${took.join(', ')} ms`)
})

t.test('where nothing is heard, it is within revalidateAfter', async t => {
  const fleet = await startFleet(t, 2, { REVALIDATE_AFTER: '3', DATABASE_LISTEN_URL: 'none' })
  const took = await untilAllRefuse(fleet, "UPDATE user_profiles SET status = 'suspended'")
  t.ok(took > 500 && took < 15_000, `${took} ms`)
})

/** How long a change needs to count at every process, in milliseconds. */
async function untilAllRefuse ({ site, processes, database }: Fleet, change: string): Promise<number> {
  const { tokens: { access_token: token } } = await connect(site)
  for (const one of processes) if ((await callMcp(one, token)).status !== 200) throw new Error('it is not let in')
  await database.run(change)
  const start = performance.now()
  for (;;) {
    const answers = await Promise.all(processes.map(async one => (await callMcp(one, token)).status))
    const took = performance.now() - start
    if (answers.every(status => status === 401) || took > 20_000) return took
    await sleep(20)
  }
}

t.test('limits that Redis keeps count for all processes together', { skip: withoutRedis }, async t => {
  const { url } = await startRedis(t)
  const { site } = await startFleet(t, 2, { REDIS_URL: url, MAX_REQUESTS: '6' })
  const client = new Redis(url)
  t.teardown(() => { client.disconnect() })
  const ask = async () => (await introspect(site, { token: 'x', client_id: 'nobody' })).status === 429
  const wanted = [false, false, false, false, false, false, true, true]
  let limited: boolean[] = []
  // A process that Redis does not answer within half a second counts by itself for five.
  for (let attempt = 0; attempt < 3 && limited.join() !== wanted.join(); attempt++) {
    if (attempt > 0) await sleep(6000)
    await client.flushall()
    limited = []
    while (limited.length < 8) limited.push(await ask())
  }
  t.strictSame(limited, wanted)
})

/** A client on its way. */
class Journey {
  readonly browser = createBrowser()
  readonly challenge: Pkce = pkce()
  client: Registered | undefined
  consent: Page | undefined
  callback: Page | undefined
  code = ''
  tokens: Tokens | undefined
  readonly #site: Site

  constructor (site: Site) { this.#site = site }

  get #client (): Registered {
    if (this.client === undefined) throw new Error('not registered')
    return this.client
  }

  readonly steps: Record<string, () => Promise<number>> = {
    register: async () => {
      this.client = await register(this.#site)
      return 201
    },
    authorize: async () => {
      this.consent = await this.browser.visit(authorizeUrl(this.#site, this.#client, this.challenge))
      return this.consent.status
    },
    consent: async () => {
      if (this.consent === undefined) throw new Error('no consent page')
      const page = await allow(this.#site, this.consent, { browser: this.browser, until: `${this.#site.issuer}/oauth/callback` })
      if (page.status === 0) this.callback = page
      return page.status
    },
    callback: async () => {
      if (this.callback === undefined) throw new Error('no sign-in')
      const page = await this.browser.visit(this.callback.url, { until: redirectUri })
      this.code = page.url.searchParams.get('code') ?? ''
      return page.status
    },
    token: async () => await this.#tokens(redeem(this.#site, this.#client, this.code, this.challenge)),
    refresh: async () => await this.#tokens(refresh(this.#site, this.#client, this.tokens?.refresh_token ?? '')),
    call: async () => (await callMcp(this.#site, this.tokens?.access_token)).status,
    revoke: async () => (await revoke(this.#site, { token: this.tokens?.access_token ?? '', client_id: this.#client.client_id })).status
  }

  async #tokens (answer: Promise<Response>): Promise<number> {
    const response = await answer
    const body = await response.json() as Tokens
    if (response.status === 200) this.tokens = body
    return response.status
  }

  /** Goes on from one step to another, that one not included. */
  async go (from: string, to: string): Promise<void> {
    const names = Object.keys(this.steps)
    for (const name of names.slice(names.indexOf(from), names.indexOf(to))) {
      const status = await this.steps[name]?.() ?? 500
      if (status >= 400) throw new Error(`${name} answered ${status}`)
    }
  }

  async codeIsUsed (): Promise<boolean> {
    const { status, error } = await refusalOf(redeem(this.#site, this.#client, this.code, this.challenge))
    return status === 400 && error === 'invalid_grant'
  }
}

/** Where a step that was cut off may not be made a second time, whoever did it may begin again from here. */
const beginAgain: Record<string, string> = { consent: 'authorize', callback: 'authorize', token: 'authorize' }

t.test('a process is killed in the middle of each step: at another one the client goes on or is told cleanly', async t => {
  const fleet = await startFleet(t, 2)
  const { site, processes, pin, restart } = fleet
  for (const step of Object.keys(new Journey(site).steps)) {
    for (const delay of [1, 8, 20]) {
      const journey = new Journey(site)
      pin(1)
      await journey.go('register', step)
      const before = journey.tokens
      // The first request of a process takes longest.
      pin(0)
      await fetch(`${site.issuer}/.well-known/oauth-authorization-server`)
      const cut = journey.steps[step]?.().then(status => `answered ${status}`, () => 'cut off')
      await sleep(delay)
      const killed = processes[0]?.kill()
      const outcome = await cut
      await killed
      pin(1)
      if (outcome === 'cut off') {
        const status = await journey.steps[step]?.() ?? 500
        t.ok(status < 500, `${step} after ${delay} ms: ${outcome}, then ${status}`)
        const again = beginAgain[step]
        if (status >= 400) {
          t.ok(again !== undefined, `${step} may be refused the second time`)
          await journey.go(again ?? step, step)
          t.ok((await journey.steps[step]?.() ?? 500) < 400)
        }
      } else t.match(outcome, /answered [0-3]/, `${step} after ${delay} ms: ${outcome}`)
      if (step === 'revoke') t.equal((await callMcp(site, journey.tokens?.access_token)).status, 401)
      else {
        const names = Object.keys(journey.steps)
        await journey.go(names[names.indexOf(step) + 1] ?? step, 'revoke')
        t.equal((await callMcp(site, journey.tokens?.access_token)).status, 200)
      }
      if (step === 'refresh') t.not(journey.tokens?.refresh_token, before?.refresh_token)
      t.ok(await journey.codeIsUsed(), 'no code works twice')
      await restart(0)
    }
  }
})
