import t from 'tap'
import { createAudit } from '../../lib/audit/audit.ts'
import { noOrigin, type AuditEntry } from '../../lib/audit/event.ts'
import type { AuditStorage } from '../../lib/index.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { openOffice, type Office } from '../fixtures/command-line.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(120_000)

const log = { error: () => {}, info: () => {} }
const ann = { type: 'user', id: 'ann-id', email: 'ann@example.com' } as const

/** Writes events, as a server does. */
async function happen (storage: AuditStorage, entries: readonly AuditEntry[], rootSecret = secret): Promise<void> {
  const audit = createAudit({ sink: undefined, access: true, retention: 86_400 }, storage, new KeyRing([rootSecret]), log)
  for (const entry of entries) audit.record(entry)
  await audit.close()
}

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

/** A day at an office. */
async function openBusyOffice (t: Parameters<typeof openOffice>[0]): Promise<Office> {
  const office = await openOffice(t)
  const { storage } = office.database
  await storage.addUser({ id: 'ann-id', email: 'ann@example.com', name: null, role: 'user' }, new Date())
  const origin = { ...noOrigin, address: '2001:db8::1', userAgent: 'Claude/1.0' }
  await happen(storage, [
    { type: 'user.added', at: minutesAgo(3000), actor: { type: 'operator', id: 'api' }, userId: 'ann-id', details: { email: 'ann@example.com', role: 'user' } },
    { type: 'sign-in.refused', at: minutesAgo(100), actor: { type: 'user', email: 'eve@example.com' }, outcome: 'refused', reason: 'not-listed', ...origin },
    { type: 'token.issued', at: minutesAgo(90), actor: { type: 'client', id: 'mcp-1' }, userId: 'ann-id', clientId: 'mcp-1', details: { scopes: ['openid', 'mcp'] }, ...origin },
    { type: 'access', at: minutesAgo(80), actor: ann, userId: 'ann-id', clientId: 'mcp-1', details: { method: 'POST', route: '/mcp', status: 200, tools: ['list_orders'] }, ...origin },
    { type: 'user.changed', at: minutesAgo(5), actor: { type: 'administrator', id: 'bob-id', email: 'bob@example.com' }, userId: 'ann-id', details: { status: 'suspended' }, ...origin }
  ])
  return office
}

t.test('audit list: who did what when, the latest first, without the secret', async t => {
  const { type, ask } = await openBusyOffice(t)
  const noSecret = { env: { JWT_SECRET: '' } }
  const { code, stdout, stderr } = await type('audit list', noSecret)
  t.strictSame([code, stderr], [0, ''])
  const lines = stdout.trim().split('\n')
  t.match(lines[0], /^TIME +EVENT +WHO +OUTCOME +WHAT +ABOUT +CLIENT +ADDRESS$/)
  t.match(lines.find(line => line.includes('audit.started')), /server +success/)
  const rest = lines.slice(1).filter(line => !line.includes('audit.started')).map(line => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +/, '').replaceAll(/ {2,}/g, ' | '))
  t.strictSame(rest, [
    'user.changed | administrator bob@example.com | success | status suspended | ann-id | - | 2001:db8::1',
    'access | ann@example.com | success | list_orders | - | mcp-1 | 2001:db8::1',
    'token.issued | client mcp-1 | success | openid mcp | ann-id | mcp-1 | 2001:db8::1',
    'sign-in.refused | eve@example.com | refused: not-listed | - | - | - | 2001:db8::1',
    'user.added | operator api | success | email ann@example.com, role user | ann-id | - | -'
  ])
  const { events, after } = await ask('audit list --limit 2', noSecret)
  t.equal(events.length, 2)
  t.match(events[1], { type: 'user.changed', actor: { type: 'administrator', email: 'bob@example.com' }, userId: 'ann-id', userAgent: 'Claude/1.0', details: { status: 'suspended' } })
  const second = await ask(`audit list --limit 3 --after ${after}`, noSecret)
  t.match(second.events, [{ type: 'access' }, { type: 'token.issued' }, { type: 'sign-in.refused' }])
  t.match(await type(`audit list --after ${after} --limit 3`, noSecret), { stderr: `There are more: add --after ${second.after}\n` })
  t.match(await ask(`audit list --after ${second.after}`, noSecret), { events: [{ type: 'user.added' }], after: null })
})

t.test('audit list: filters, all of which have to fit', async t => {
  const { ask, type } = await openBusyOffice(t)
  const types = async (line: string) => (await ask(`audit list ${line}`)).events.map((event: { type: string }) => event.type)
  t.strictSame(await types('--user ann@example.com'), ['user.changed', 'access', 'token.issued', 'user.added'])
  t.strictSame(await types('--user ANN@example.com --client mcp-1'), ['access', 'token.issued'])
  t.strictSame(await types('--user ann-id --type access'), ['access'])
  t.strictSame(await types('--type access --type sign-in.refused'), ['access', 'sign-in.refused'])
  t.strictSame(await types('--user ann-id --since 85m'), ['user.changed', 'access'])
  t.strictSame(await types('--user ann-id --until 1d'), ['user.added'])
  t.strictSame(await types('--user ann-id --since 2w --until 95m'), ['user.added'])
  t.strictSame(await types(`--user ann-id --since ${minutesAgo(82).toISOString()} --until ${minutesAgo(78).toISOString()}`), ['access'])
  t.strictSame(await types('--since 2999-01-01'), [])
  t.strictSame(await type('audit list --client nobody'), { code: 0, stdout: 'There is nothing.\n', stderr: '' })
  await type('users remove ann@example.com --yes')
  t.strictSame(await types('--user ann-id'), ['user.removed', 'user.changed', 'access', 'token.issued', 'user.added'], 'also of somebody who was removed')
  t.strictSame(await type('audit list --user ann@example.com'), { code: 1, stdout: '', stderr: 'error: ann@example.com is not on the whitelist\n' })
})

t.test('audit list: what can be none is told, and nothing is read', async t => {
  const { type } = await openOffice(t)
  const misuses: Record<string, RegExp> = {
    '--type login': /'login' is invalid\. There are these: access, access\.answered, /,
    '--type constructor': /'constructor' is invalid/,
    '--since yesterday': /'yesterday' is invalid\. It must be a day or time as in 2026-11-25 or 2026-11-25T09:30Z, or how long ago: 90m, 24h, 7d, 2w\./,
    '--until 2026-02-30': /'2026-02-30' is invalid/,
    '--since 7y': /'7y' is invalid/,
    '--limit 0': /whole number from 1/,
    '--limit 1001': /It may be 1000 at most; audit export has no limit\./,
    '--after x': /'x' is invalid\. It must be what the list before said\./
  }
  for (const [line, says] of Object.entries(misuses)) t.match(await type(`audit list ${line}`), { code: 2, stdout: '', stderr: says }, line)
})

t.test('audit list: a stranger’s text is no command to a terminal, for people and for programs', async t => {
  const { database, type } = await openOffice(t)
  await happen(database.storage, [{ type: 'client.registered', actor: { type: 'user', id: 'carl-id' }, clientId: 'mcp-1', ...noOrigin, details: { name: 'harmless' } }])
  await database.run("UPDATE oauth_audit_events SET client_id = E'\\u009b2J\\u001b[31m', user_agent = E'\\u001b]0;x\\u0007', reason = E'a\\u202eb\\nc', details = jsonb_build_object('name', E'\\u001b[2J') WHERE type = 'client.registered'")
  for (const line of ['audit list', 'audit list --json', 'audit export']) {
    const { code, stdout } = await type(line)
    t.equal(code, 0)
    t.match(stdout, 'client.registered')
    t.notMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/, line) // eslint-disable-line no-control-regex
  }
  t.match((await type('audit list')).stdout, / {2}carl-id {2}success: ab c {2}/)
})

t.test('audit list: a database that fails is told as such', async t => {
  const { database, type } = await openOffice(t)
  await database.run('ALTER TABLE oauth_audit_events DROP COLUMN reason, DROP COLUMN user_id')
  t.match(await type('audit list --user x'), { code: 1, stdout: '', stderr: /^error: something went wrong: column "user_id" does not exist\n$/ })
})

t.test('audit verify: intact is 0, and a row that was changed by hand is noticed and is 1', async t => {
  const { database, type, ask } = await openBusyOffice(t)
  t.strictSame(await type('audit verify'), { code: 0, stdout: 'Intact. Events: 6. Chains: 1.\n', stderr: '' })
  const { intact, events, chains, findings, heads: [head] } = await ask('audit verify')
  t.strictSame({ intact, events, chains, findings }, { intact: true, events: 6, chains: 1, findings: [] })
  await database.run("UPDATE oauth_audit_events SET details = jsonb_set(details, '{tools}', '[\"delete_order\"]') WHERE type = 'access'")
  const { code, stdout, stderr } = await type('audit verify')
  t.equal(code, 1)
  t.strictSame(stdout.split('\n').map(line => line.replaceAll(/ {2,}/g, ' | ')), [
    'FINDING | WRITER | FROM | TO | MEANS', `changed | ${head.writer} | 1 | 6 | At least one of these events is not as it was written`, ''
  ])
  t.equal(stderr, 'error: the audit trail does not hold; findings: 1, events: 6\n')
  const told = await type('audit verify --json')
  t.equal(told.code, 1)
  t.match(JSON.parse(told.stdout), { intact: false, findings: [{ kind: 'changed', writer: head.writer, first: 1, last: 6 }] })
})

t.test('audit verify --head: a trail that was put back as a whole is noticed', async t => {
  const { database, type, ask } = await openBusyOffice(t)
  const { heads: [{ writer, sequence, mac }] } = await ask('audit verify')
  const head = `${writer}:${sequence}:${mac}`
  t.match(await type(`audit verify --head ${head} --head ${head}`), { code: 0 })
  t.match(await type(`audit verify --head ${writer}:${sequence}:${mac.replace(/^./, (first: string) => first === 'A' ? 'B' : 'A')}`), { code: 1, stdout: /^cut +\S+ +6 +6 +The chain is not the one that was seen here$/m })
  for (const table of ['events', 'seals', 'chains']) await database.run(`DELETE FROM oauth_audit_${table}`)
  t.match(await type('audit verify'), { code: 0, stdout: 'Intact. Events: 0. Chains: 0.\n' }, 'nothing is left to see it by')
  t.match(await type(`audit verify --head ${head}`), { code: 1, stdout: /^cut +\S+ +1 +6 +Nothing is left of this writer, which another one has seen$/m })
  for (const wrong of ['x', `${writer}:${sequence}`, `${writer}:x:${mac}`]) {
    t.match(await type(`audit verify --head ${wrong}`), { code: 2, stdout: '', stderr: /is invalid\. It must be writer:sequence:mac, / }, wrong)
  }
})

t.test('audit verify: under every secret that there was, and with a word on those that are missing', async t => {
  const old = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
  const { database, type } = await openOffice(t)
  await happen(database.storage, [{ type: 'user.added', actor: ann }], old)
  await happen(database.storage, [{ type: 'user.removed', actor: ann }])
  t.match(await type('audit verify'), { code: 1, stdout: /^unverified +\S+ +1 +2 +/m, stderr: /^unverified: JWT_SECRET is not the server's, or JWT_SECRET_PREVIOUS lacks one that it had\nerror: the audit trail does not hold; / })
  t.match(await type('audit verify', { env: { JWT_SECRET_PREVIOUS: old } }), { code: 0, stdout: 'Intact. Events: 4. Chains: 2.\n' })
  t.match(await type('audit verify', { env: { JWT_SECRET: '' } }), { code: 2, stdout: '', stderr: /^error: JWT_SECRET: is not set; / })
  t.match(await type('audit verify', { env: { JWT_SECRET: 'short' } }), { code: 2, stderr: /^error: secret \(JWT_SECRET\): must have at least 32/ })
})

t.test('audit verify: a person sees how far it is, and nothing is written', async t => {
  const { database, type } = await openBusyOffice(t)
  await database.run(`CREATE ROLE auditor_${process.pid} LOGIN`)
  t.teardown(async () => { await database.run(`DROP OWNED BY auditor_${process.pid}; DROP ROLE auditor_${process.pid}`) })
  await database.run(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor_${process.pid}`)
  const reader = { env: { DATABASE_URL: database.url.replace('//postgres@', `//auditor_${process.pid}@`) } }
  const { code, stdout, stderr } = await type('audit verify', { ...reader, isTTY: true })
  t.strictSame([code, stdout], [0, 'Intact. Events: 6. Chains: 1.\n'])
  t.match(stderr, /^\r\u001b\[Kverified: \d\r\u001b\[K$/) // eslint-disable-line no-control-regex
  t.match(await type('audit list', reader), { code: 0 })
  t.match(await type('audit export', reader), { code: 0, stderr: 'Exported: 6.\n' })
})
