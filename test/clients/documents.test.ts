import t from 'tap'
import { ClientDocumentError } from '../../lib/clients/client-document-error.ts'
import { ClientDocuments } from '../../lib/clients/documents.ts'
import { FetchBudget } from '../../lib/clients/fetch-budget.ts'
import { pinnedAt, pinnedDocuments } from '../../lib/clients/pinned-documents.ts'
import type { Fetched } from '../../lib/clients/safe-fetch.ts'
import { checkClientDocument } from '../../lib/oauth/client-document.ts'

const now = new Date('2026-11-01T12:00:00Z')
const after = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const policy = { allowedRedirectUris: [], allowedRedirectHosts: undefined }
const [stranger, other] = ['198.51.100.1', '198.51.100.2']
const noHeaders = { age: undefined, 'cache-control': undefined, date: undefined, expires: undefined }

function urlOf (name: string, host = 'client.example'): URL {
  return new URL(`https://${host}/${name}`)
}

function documentAt (url: URL, about: object = {}): Fetched {
  return { value: { client_id: url.href, client_name: 'A client', redirect_uris: ['https://client.example/cb'], ...about }, headers: noHeaders }
}

/** Documents that come from nowhere: what is asked for is written down. */
function play (answer: (url: URL) => Fetched | Promise<Fetched> = documentAt): { documents: ClientDocuments, asked: string[] } {
  const asked: string[] = []
  const documents = new ClientDocuments(policy, async url => {
    asked.push(url.href)
    return await answer(url)
  })
  return { documents, asked }
}

t.test('REG-03: one fetch at a time for each document, whoever waits', async t => {
  const { documents, asked } = play()
  const [first, second] = [urlOf('one'), urlOf('other')]
  const got = await Promise.all(Array.from({ length: 100 }, (_, turn) => documents.get(turn % 2 === 0 ? first : second, stranger, now)))
  t.strictSame(asked.sort(), [first.href, second.href].sort())
  t.equal(new Set(got).size, 2)
  t.strictSame(got[0], { clientName: 'A client', redirectUris: ['https://client.example/cb'], grantTypes: ['authorization_code', 'refresh_token'], clientUri: null, logoUri: null, fetchedAt: now.getTime() })
})

t.test('REG-03: a document is kept as long as its headers say', async t => {
  let name = 'First'
  const { documents, asked } = play(url => ({ ...documentAt(url, { client_name: name }), headers: { ...noHeaders, 'cache-control': 'max-age=600' } }))
  const nameAt = async (seconds: number) => (await documents.get(urlOf('c'), stranger, after(seconds))).clientName
  t.equal(await nameAt(0), 'First')
  name = 'Second'
  t.equal(await nameAt(599.999), 'First')
  t.equal(asked.length, 1)
  t.equal(await nameAt(600), 'Second')
  t.equal(asked.length, 2)
})

t.test('REG-03: neither a failure nor a malformed document is kept, and neither pushes out what is', async t => {
  let answer: () => Fetched = () => { throw new ClientDocumentError('down', { isTemporary: true }) }
  const { documents, asked } = play(() => answer())
  const get = (seconds = 0) => documents.get(urlOf('c'), stranger, after(seconds))
  await t.rejects(get(), { message: 'down', isTemporary: true })
  answer = () => documentAt(urlOf('other'))
  await t.rejects(get(), { isTemporary: false, message: /not a document that counts here/, cause: { message: /URL of the document/ } })
  answer = () => documentAt(urlOf('c'))
  t.match(await get(), { clientName: 'A client' })
  t.equal(asked.length, 3, 'each time it was asked for again')
  answer = () => { throw new ClientDocumentError('down', { isTemporary: true }) }
  t.match(await get(59), { clientName: 'A client' })
  await t.rejects(get(60), { message: 'down' }, 'but no longer than it counts')
  t.equal(asked.length, 4)
})

t.test('REG-03: those who wait for one fetch all learn that it failed', async t => {
  const { documents, asked } = play(() => { throw new ClientDocumentError('down', { isTemporary: true }) })
  const failures = await Promise.allSettled(Array.from({ length: 10 }, () => documents.get(urlOf('c'), stranger, now)))
  t.ok(failures.every(({ status }) => status === 'rejected'))
  t.equal(asked.length, 1)
})

t.test('REG-03: one stranger makes us ask one host ten times a minute, and no more', async t => {
  const { documents, asked } = play(() => { throw new ClientDocumentError('answered 404', { isTemporary: false }) })
  const isAsked = { message: 'answered 404' }
  for (let turn = 0; turn < 100; turn++) await t.rejects(documents.get(urlOf(`c${turn}`), stranger, after(turn / 10)))
  t.equal(asked.length, 10)
  await t.rejects(documents.get(urlOf('c'), stranger, after(59)), { message: 'client.example has been asked too often', isTemporary: true })
  await t.rejects(documents.get(urlOf('c', 'other.example'), stranger, after(59)), isAsked, 'another host is another one')
  await t.rejects(documents.get(urlOf('c'), other, after(59)), isAsked, 'and strangers do not lock out each other')
  await t.rejects(documents.get(urlOf('known'), undefined, after(59)), isAsked, 'nor who is known')
  await t.rejects(documents.get(urlOf('c'), stranger, after(60)), isAsked)
  for (let turn = 0; turn < 100; turn++) await t.rejects(documents.get(urlOf('known'), undefined, after(60)))
  t.equal(asked.filter(url => url.endsWith('known')).length, 10, 'who is known has a budget too')
})

t.test('REG-03: all strangers together make us ask one host fifty times a minute, and no more', async t => {
  const { documents, asked } = play(() => { throw new ClientDocumentError('answered 404', { isTemporary: false }) })
  for (let turn = 0; turn < 100; turn++) await t.rejects(documents.get(urlOf(`c${turn}`), `192.0.2.${turn}`, after(turn / 10)))
  t.equal(asked.length, 50)
  await t.rejects(documents.get(urlOf('c', 'other.example'), stranger, after(59)), { message: 'answered 404' })
})

t.test('REG-03: what a stranger may not ask any more is left for the others', async t => {
  const { documents, asked } = play(() => { throw new ClientDocumentError('answered 404', { isTemporary: false }) })
  for (let turn = 0; turn < 100; turn++) await t.rejects(documents.get(urlOf(`c${turn}`), stranger, now))
  for (let turn = 0; turn < 100; turn++) await t.rejects(documents.get(urlOf(`c${turn}`), `192.0.2.${100 + turn}`, now))
  t.equal(asked.length, 50)
})

/** Documents that come when they are let through. */
function playSlowly () {
  let release = () => {}
  const gate = new Promise<void>(resolve => { release = resolve })
  return {
    ...play(async url => {
      await gate
      return documentAt(url)
    }),
    release: () => { release() }
  }
}

t.test('REG-03: for one stranger ten at a time, and no more', async t => {
  const { documents, asked, release } = playSlowly()
  const waiting = Array.from({ length: 10 }, (_, turn) => documents.get(urlOf('c', `h${turn}.example`), stranger, now))
  await t.rejects(documents.get(urlOf('c', 'next.example'), stranger, now), { isTemporary: true, message: /too many/ })
  const more = [
    documents.get(urlOf('c', 'h0.example'), stranger, now), documents.get(urlOf('c', 'next.example'), other, now), documents.get(urlOf('c', 'known.example'), undefined, now)
  ]
  release()
  await Promise.all([...waiting, ...more])
  t.equal(asked.length, 12, 'to wait for one that is under way takes no place')
  t.match(await documents.get(urlOf('c', 'last.example'), stranger, now), { clientName: 'A client' })
})

t.test('REG-03: for all strangers fifty at a time, and no more', async t => {
  const { documents, asked, release } = playSlowly()
  const ofKnown = Array.from({ length: 50 }, (_, turn) => documents.get(urlOf('c', `k${turn}.example`), undefined, now))
  const waiting = Array.from({ length: 50 }, (_, turn) => documents.get(urlOf('c', `h${turn}.example`), `192.0.2.${turn}`, now))
  await t.rejects(documents.get(urlOf('c', 'next.example'), '198.51.100.1', now), { isTemporary: true, message: /too many/ })
  const known = documents.get(urlOf('c', 'known.example'), undefined, now)
  release()
  await Promise.all([...ofKnown, ...waiting, known])
  t.equal(asked.length, 101)
  t.match(await documents.get(urlOf('c', 'next.example'), '198.51.100.1', now), { clientName: 'A client' })
})

t.test('a budget is a new one after a minute', async t => {
  const budget = new FetchBudget(10)
  const spent = (seconds: number) => Array.from({ length: 12 }, () => budget.spend('client.example', after(seconds))).filter(Boolean).length
  t.strictSame([spent(0), spent(59.999), spent(60), spent(60)], [10, 0, 10, 0])
})

t.test('REG-06: the copies of the well-known clients’ documents are such as would be accepted, and those that these clients need', async t => {
  const needed = {
    'https://claude.ai/oauth/mcp-oauth-client-metadata': ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    'https://claude.ai/oauth/claude-code-client-metadata': ['http://localhost/callback', 'http://127.0.0.1/callback'],
    'https://chatgpt.com/oauth/client.json': ['https://chatgpt.com/connector_platform_oauth_redirect'],
    'https://vscode.dev/oauth/client-metadata.json': ['http://127.0.0.1:33418/', 'http://127.0.0.1/', 'https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect']
  }
  for (const [clientId, redirectUris] of Object.entries(needed)) {
    const accepted = checkClientDocument(clientId, pinnedDocuments.get(clientId), policy, pinnedAt)
    t.match(accepted, { redirectUris, clientName: /\w/, clientUri: /^https:/ }, clientId)
  }
  t.strictSame([...pinnedDocuments.keys()], Object.keys(needed))
  t.ok(pinnedAt < Date.now())
})
