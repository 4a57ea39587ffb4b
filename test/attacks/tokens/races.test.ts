import t, { type Test } from 'tap'
import { sql } from 'kysely'
import { decodeJwt } from 'jose'
import { setTimeout as sleep } from 'node:timers/promises'
import { authorize, callMcp, connect, credentials, pkce, redeem, refresh, refusalOf, register, revoke, type Site, type Tokens } from '../../fixtures/flow.ts'
import { startServerProcesses } from '../../fixtures/server-process.ts'

const { sites, database } = await startServerProcesses(t)
const [site] = sites
const invalidGrant = { status: 400, error: 'invalid_grant' }
const invalidToken = { status: 401, error: 'invalid_token' }

/** A hundred at once, every other one at the other process. */
async function race<T> (once: (site: Site) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: 50 }, () => sites).flat().map(once))
}

async function tokensOf (response: Response): Promise<Tokens> {
  return await response.json() as Tokens
}

/** A connection to walk through with: the grant's id beside it. */
async function connection () {
  const { client, tokens } = await connect(site, { resource: undefined })
  const { grantId } = await (await callMcp(site, tokens.access_token)).json() as { grantId: string }
  const countOf = async (type: string) => {
    const rows = await database.run(`SELECT FROM oauth_tokens WHERE grant_id = '${grantId}' AND token_type = '${type}'`)
    return rows.length
  }
  return { client, tokens, grantId, countOf }
}

/** Nothing of the grant counts in any process. */
async function isDead (tap: Test, client: Parameters<typeof refresh>[1], issued: readonly Tokens[]): Promise<void> {
  for (const at of sites) {
    for (const { access_token: accessToken, refresh_token: refreshToken } of issued) {
      tap.same(await refusalOf(callMcp(at, accessToken)), invalidToken)
      tap.same(await refusalOf(refresh(at, client, refreshToken)), invalidGrant)
    }
  }
}

t.test('T1: of 100 parallel redemptions of one code at two processes, exactly one succeeds', async t => {
  const client = await register(site)
  const challenge = pkce()
  const code = (await authorize(site, client, challenge, { resource: undefined })).searchParams.get('code') ?? ''
  const answers = await race(at => redeem(at, client, code, challenge))
  const winners = answers.filter(({ status }) => status === 200)
  t.equal(winners.length, 1)
  const refusals = await Promise.all(answers.filter(({ status }) => status !== 200).map(refusalOf))
  t.same(new Set(refusals.map(refusal => JSON.stringify(refusal))), new Set([JSON.stringify(invalidGrant)]), 'all others are told the same')
  const rows = await database.run(`SELECT token_type FROM oauth_tokens WHERE client_id = '${client.client_id}' ORDER BY 1`)
  t.same(rows.map(row => row['token_type']), ['access_token', 'refresh_token'], 'and left no token behind')
  await isDead(t, client, await Promise.all(winners.map(tokensOf)))
})

t.test('T2: of 100 parallel refreshes at two processes, there is one successor', async t => {
  const { client, tokens, countOf } = await connection()
  const answers = await race(at => refresh(at, client, tokens.refresh_token))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]), 'within the grace nobody is logged out')
  const issued = await Promise.all(answers.map(tokensOf))
  t.equal(new Set(issued.map(({ refresh_token: refreshToken }) => refreshToken)).size, 1)
  t.equal(await countOf('refresh_token'), 2, 'the first and its successor')
  t.equal((await refresh(sites[1], client, issued[0]?.refresh_token ?? '')).status, 200)
  t.same(await refusalOf(refresh(site, client, tokens.refresh_token)), invalidGrant, 'whose use ends the grace')
})

t.test('T2: refreshes against a revocation: nothing lives after it', async t => {
  for (let round = 0; round < 3; round++) {
    const { client, tokens, grantId } = await connection()
    const [revoked, ...answers] = await Promise.all([
      sleep(round * 5).then(() => database.storage.revokeGrant(grantId, new Date())),
      ...Array.from({ length: 10 }, (_, index) => refresh(sites[index % 2 === 0 ? 0 : 1], client, tokens.refresh_token))
    ])
    t.equal(revoked, true)
    const issued = await Promise.all(answers.filter(({ status }) => status === 200).map(tokensOf))
    await isDead(t, client, [tokens, ...issued.slice(0, 2)])
    const living = await database.run(`SELECT FROM oauth_grants WHERE grant_id = '${grantId}' AND revoked_at IS NULL`)
    t.equal(living.length, 0)
  }
})

t.test('T17, TK-10: refreshes at two processes against the revocation endpoint: nothing lives after it', async t => {
  for (let round = 0; round < 3; round++) {
    const { client, tokens, grantId } = await connection()
    const [revoked, ...answers] = await Promise.all([
      sleep(round * 5).then(() => revoke(sites[1], { ...credentials(client), token: tokens.refresh_token })),
      ...Array.from({ length: 10 }, (_, index) => refresh(sites[index % 2 === 0 ? 0 : 1], client, tokens.refresh_token))
    ])
    t.equal(revoked.status, 200)
    const issued = await Promise.all(answers.filter(({ status }) => status === 200).map(tokensOf))
    await isDead(t, client, [tokens, ...issued.slice(0, 2)])
    const living = await database.run(`SELECT FROM oauth_grants WHERE grant_id = '${grantId}' AND revoked_at IS NULL`)
    t.equal(living.length, 0)
  }
})

t.test('T6: an access token that one process revokes is refused by both, and its grant lives on', async t => {
  const { client, tokens } = await connection()
  await revoke(sites[1], { ...credentials(client), token: tokens.access_token })
  for (const at of sites) t.same(await refusalOf(callMcp(at, tokens.access_token)), invalidToken)
  const renewed = await tokensOf(await refresh(site, client, tokens.refresh_token))
  t.equal((await callMcp(sites[1], renewed.access_token)).status, 200)
})

t.test('T17: a refresh that meets a revocation not yet committed waits for it, and gets nothing', async t => {
  const { client, tokens, grantId, countOf } = await connection()
  let settled = false
  const waiting = await database.db.transaction().execute(async trx => {
    await sql`UPDATE oauth_grants SET revoked_at = now() WHERE grant_id = ${grantId}`.execute(trx)
    const answer = refresh(sites[1], client, tokens.refresh_token).finally(() => { settled = true })
    await sleep(300)
    t.notOk(settled, 'it waits')
    return { answer }
  })
  t.same(await refusalOf(waiting.answer), invalidGrant)
  t.equal(await countOf('refresh_token'), 1)
  await isDead(t, client, [tokens])
})

t.test('T17: a revocation that meets a refresh under way ends what it makes', async t => {
  const { client, tokens, grantId } = await connection()
  const { jti } = decodeJwt(tokens.refresh_token)
  const { answer, revocation } = await database.db.transaction().execute(async trx => {
    await sql`SELECT FROM oauth_tokens WHERE token_id = ${jti} FOR UPDATE`.execute(trx)
    const answer = refresh(site, client, tokens.refresh_token)
    await sleep(200)
    const revocation = database.storage.revokeGrant(grantId, new Date())
    return { answer, revocation }
  })
  const refreshed = await answer
  t.equal(await revocation, true)
  const issued = refreshed.status === 200 ? [await tokensOf(refreshed)] : []
  await isDead(t, client, [tokens, ...issued])
})

t.test('T17: the grace and its end hold across processes', async t => {
  const { client, tokens, grantId } = await connection()
  const first = await tokensOf(await refresh(site, client, tokens.refresh_token))
  const again = await tokensOf(await refresh(sites[1], client, tokens.refresh_token))
  t.equal(again.refresh_token, first.refresh_token, 'the other process rebuilds the same successor')
  const stranger = await register(site, { client_name: 'Stranger' })
  await database.run(`UPDATE oauth_tokens SET consumed_at = consumed_at - interval '31 seconds' WHERE grant_id = '${grantId}'`)
  t.same(await refusalOf(refresh(sites[1], stranger, tokens.refresh_token)), invalidGrant)
  t.equal((await callMcp(site, first.access_token)).status, 200, 'a stranger’s replay changes nothing')
  t.same(await refusalOf(refresh(sites[1], client, tokens.refresh_token)), invalidGrant, 'the replay after the grace')
  await isDead(t, client, [first, again])
})

t.test('I5: whoever is suspended by plain SQL is out in every process', async t => {
  const { client, tokens } = await connection()
  await database.run("UPDATE user_profiles SET status = 'suspended' WHERE email = 'you@example.com'")
  await isDead(t, client, [tokens])
})
