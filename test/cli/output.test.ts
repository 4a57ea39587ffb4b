import { PassThrough } from 'node:stream'
import t from 'tap'
import { administration } from '../../lib/administration.ts'
import { Context, operator } from '../../lib/cli/context.ts'
import { json, table } from '../../lib/cli/output.ts'
import { Progress } from '../../lib/cli/progress.ts'
import { openOffice } from '../fixtures/command-line.ts'

t.setTimeout(120_000)

function terminal (isTTY: boolean) {
  const stream = () => Object.assign(new PassThrough().setEncoding('utf8'), { isTTY })
  return { stdin: stream(), stdout: stream(), stderr: stream(), env: {}, cwd: '/' }
}

t.test('a table: columns stand under each other, whatever the letters', async t => {
  const rows = [{ name: 'Ann' }, { name: '山田太郎' }, { name: 'דנה' }, { name: '👩‍💻 x' }, { name: 'e\u0301' }]
  t.strictSame(table(rows, [['NAME', ({ name }) => name], ['N', () => '1']]).split('\n'), [
    'NAME      N', 'Ann       1', '山田太郎  1', 'דנה       1', '👩💻 x    1', 'e\u0301         1', ''
  ])
})

t.test('a table: nothing in it is a command to a terminal, or longer than it should be', async t => {
  const text = table([{ name: `\u001b]0;x\u0007\n\u009b2J\u202e${'x'.repeat(300)}` }], [['NAME', ({ name }) => name]])
  t.match(text, /^NAME\n\]0;x 2J(x+)…\n$/)
  t.ok(text.length < 220)
})

t.test('JSON: it says the same, and no terminal takes any of it for a command', async t => {
  const value = { text: '\u001b\u007f\u009b\u202e\u2028\u{e0001}é山"\\', list: [1, null] }
  t.strictSame(JSON.parse(json(value)), value)
  t.match(json(value), /^[\n -~é山]+$/)
})

t.test('progress: in a log a line now and then, and none of what is short', async t => {
  const log = terminal(false)
  let now = 0
  t.intercept(Date, 'now', { value: () => now })
  const progress = new Progress(log, { terminal: 0, log: 20 })
  now = 19
  progress.tell('1')
  now = 20
  progress.tell('2')
  progress.tell('3')
  progress.end()
  t.equal(log.stderr.read(), '2\n')
})

t.test('progress: a person is not shown each step', async t => {
  const person = terminal(true)
  const progress = new Progress(person)
  for (const step of ['1', '2', '3']) progress.tell(step)
  progress.end()
  progress.end()
  t.equal(person.stderr.read(), '\r\u001b[K1\r\u001b[K')
})

t.test('what the audit trail or the keys have to say is a warning', async t => {
  const { env } = await openOffice(t)
  const here = { ...terminal(false), env }
  const context = new Context(here, { envFile: false })
  t.teardown(async () => { await context.close() })
  const server = await context.server({ audit: { access: false, retention: 86_400, sink: () => { throw new Error('no') } } })
  server.forget('everything')
  server.audit.record({ type: 'access', actor: { type: 'server' } })
  await server.audit.close()
  t.equal(here.stderr.read(), 'warning: the audit sink failed\n')
})

t.test('the audit trail is told of changes before the database is closed, with who made them', async t => {
  const { env } = await openOffice(t)
  const here = { ...terminal(false), env }
  const context = new Context(here, { envFile: false })
  const told: unknown[] = []
  const server = await context.server({ audit: { access: false, retention: 86_400, sink: async event => { told.push([event.type, event.actor, (await server.storage.listUsers()).length]) } } })
  await administration(server, operator).users.add({ email: 'ann@example.com' })
  await context.close()
  t.strictSame(told, [['user.added', { type: 'operator', id: 'command line', email: null }, 1]])
  t.equal(here.stderr.read(), null)
})
