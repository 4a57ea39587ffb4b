import { execFile } from 'node:child_process'
import { readFileSync, statSync, symlinkSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { createAudit } from '../../lib/audit/audit.ts'
import { exportAudit } from '../../lib/cli/export-audit.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { bin, openOffice, type Office } from '../fixtures/command-line.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(120_000)

const start = Date.UTC(2026, 10, 1)

/** Events, a minute apart, with the first minute of November. The opening of the chain makes one more, of now. */
async function openOfficeWith (t: Parameters<typeof openOffice>[0], count: number): Promise<Office> {
  const office = await openOffice(t)
  const audit = createAudit({ sink: undefined, access: true, retention: 86_400 }, office.database.storage, new KeyRing([secret]), { error: () => {}, info: () => {} })
  for (let index = 0; index < count; index++) audit.record({ type: 'user.added', at: new Date(start + index * 60_000), actor: { type: 'operator' }, userId: String(index) })
  await audit.close()
  return office
}

const idsOf = (lines: string) => lines.trim().split('\n').map(line => JSON.parse(line)).filter(({ type }) => type === 'user.added').map(({ userId }) => Number(userId))

t.test('audit export: every event once, one a line, the latest first, page after page', async t => {
  const { type, ask } = await openOfficeWith(t, 2500)
  const { code, stdout, stderr } = await type('audit export', { env: { JWT_SECRET: '' } })
  t.strictSame([code, stderr], [0, 'Exported: 2501.\n'])
  t.ok(stdout.endsWith('}\n'))
  t.strictSame(idsOf(stdout), Array.from({ length: 2500 }, (_, index) => 2499 - index))
  t.match(JSON.parse(stdout.split('\n').at(-2) ?? ''), { at: '2026-11-01T00:00:00.000Z', type: 'user.added', actor: { type: 'operator' }, sequence: Number, writer: String })
  t.strictSame(idsOf((await type('audit export --since 2026-11-01T00:10 --until 2026-11-01T00:13')).stdout), [12, 11, 10])
  t.strictSame(idsOf((await type('audit export --user 7 --type user.added')).stdout), [7])
  t.strictSame(await type('audit export --since 2999-01-01'), { code: 0, stdout: '', stderr: 'Exported: 0.\n' })
  const cwd = t.testdir()
  t.strictSame(await ask('audit export --output all.ndjson', { cwd }), { events: 2501 })
  t.equal(readFileSync(join(cwd, 'all.ndjson'), 'utf8'), stdout)
})

t.test('audit export --output: a new file that nobody else reads, and never one that is there', async t => {
  const { type } = await openOfficeWith(t, 3)
  const cwd = t.testdir({ old: 'precious' })
  t.strictSame(await type('audit export --output new', { cwd, isTTY: true }), { code: 0, stdout: 'Exported: 4.\n', stderr: '\r\u001b[Kexported: 4\r\u001b[K' })
  t.equal(statSync(join(cwd, 'new')).mode & 0o777, 0o600)
  symlinkSync(join(cwd, 'elsewhere'), join(cwd, 'link'))
  for (const name of ['old', 'new', 'link']) {
    t.match(await type(`audit export --output ${name}`, { cwd }), { code: 2, stdout: '', stderr: new RegExp(`^error: \\S+/${name} is there already; name a new file\n$`) }, name)
  }
  t.equal(readFileSync(join(cwd, 'old'), 'utf8'), 'precious')
  t.notOk(existsSync(join(cwd, 'elsewhere')))
  t.match(await type('audit export --output none/new', { cwd }), { code: 2, stderr: /none\/new can not be made \(ENOENT\); name a new file\n$/ })
})

t.test('audit export --output: what is not whole is not left behind', async t => {
  const { database, type } = await openOfficeWith(t, 3)
  const cwd = t.testdir()
  await database.run('ALTER TABLE oauth_audit_events DROP COLUMN at')
  t.match(await type('audit export --output part', { cwd }), { code: 1, stdout: '', stderr: /^error: something went wrong: column "at" does not exist\n$/ })
  t.notOk(existsSync(join(cwd, 'part')))
})

t.test('audit export: no more is read than is taken', async t => {
  const { database: { storage } } = await openOfficeWith(t, 8000)
  let read = 0
  const counted = Object.assign(Object.create(storage), {
    queryAudit: async (filter: Parameters<typeof storage.queryAudit>[0]) => {
      read++
      return await storage.queryAudit(filter)
    }
  })
  const waiting: Array<() => void> = []
  const chunks: string[] = []
  const stdout = new Writable({ highWaterMark: 1024, write (chunk, _encoding, done) { chunks.push(String(chunk)); waiting.push(done) } })
  const exported = exportAudit(counted, {}, { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {}, cwd: '/' }, undefined)
  while (waiting.length === 0) await sleep(10)
  await sleep(300)
  t.ok(read <= 3, `${read} pages of 9`)
  const pump = setInterval(() => { waiting.shift()?.() }, 5)
  t.equal(await exported, 8001)
  clearInterval(pump)
  t.equal(read, 9)
  t.equal(idsOf(chunks.join('')).length, 8000)
})

t.test('audit export: a reader that has enough ends it without a word, and a stream that fails does not', async t => {
  const { env, database: { storage } } = await openOfficeWith(t, 3000)
  const pipe = `"${process.execPath}" "${bin}" audit export | head -n 2; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', pipe], { env: { ...env, PATH: process.env['PATH'] } })
  t.equal(stderr, '')
  const [, second = '', code] = stdout.split('\n')
  t.match(JSON.parse(second), { userId: '2999' })
  t.equal(code, '0')
  const to = async (code: string) => {
    const broken = new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error(code), { code })) } })
    return await exportAudit(storage, {}, { stdin: new PassThrough(), stdout: broken, stderr: new PassThrough(), env: {}, cwd: '/' }, undefined)
  }
  t.equal(await to('EPIPE'), undefined)
  await t.rejects(to('ENOSPC'), { code: 'ENOSPC' })
})

t.test('audit export: how far it is goes to stderr, unless the events themselves go to the same screen', async t => {
  const { type } = await openOfficeWith(t, 3)
  t.strictSame((await type('audit export', { isTTY: true })).stderr, 'Exported: 4.\n')
  t.strictSame((await type('audit export')).stderr, 'Exported: 4.\n')
})
