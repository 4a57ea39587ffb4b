import t from 'tap'
import { now, signInOf } from '../../lib/testing/contract/fixtures.ts'
import { openOffice } from '../fixtures/command-line.ts'

t.setTimeout(120_000)

t.test('users add: once, as a user or to administer, with a name or without', async t => {
  const { type, ask } = await openOffice(t)
  t.match(await type('users add Ann@Example.com --name Ann'), { code: 0, stdout: 'ann@example.com may sign in.\n', stderr: '' })
  t.match(await type('users add ANN@example.com'), { code: 1, stdout: '', stderr: 'error: ann@example.com is on the whitelist already\n' })
  const bob = await ask('users add bob@example.com --admin')
  t.match(bob, { email: 'bob@example.com', name: null, role: 'admin', status: 'active', provider: null, lastLoginAt: null })
  t.strictSame(Object.keys(bob), ['id', 'email', 'name', 'role', 'status', 'provider', 'providerIssuer', 'providerUserId', 'createdAt', 'lastLoginAt'])
  t.match(await ask('users list'), [{ email: 'ann@example.com', name: 'Ann', role: 'user' }, { email: 'bob@example.com' }])
})

t.test('users list: all, those that are searched for, or so many', async t => {
  const { type, ask, database } = await openOffice(t)
  t.strictSame(await type('users list'), { code: 0, stdout: 'There is nobody.\n', stderr: '' })
  t.strictSame(await ask('users list'), [])
  for (const name of ['ann', 'bob', 'cleo']) await type(`users add ${name}@example.com`)
  await database.run("UPDATE user_profiles SET status = NULL, name = E'An\\u001b[2J\\u202En' WHERE email = 'ann@example.com'")
  const { stdout, stderr } = await type('users list')
  const [heading, ann, ...others] = stdout.split('\n')
  t.match(heading, /^E-MAIL +NAME +ROLE +STATUS +SIGNED IN BY +LAST SIGN-IN +ID$/)
  t.match(ann, /^ann@example\.com +An\[2Jn +user +suspended +- +- +\S{22}$/)
  t.equal(others.length, 3)
  t.equal(stderr, '')
  const raw = (await type('users list --json')).stdout
  t.match(raw, '"name": "An\\u001b[2J\\u202en"')
  t.match((await ask('users list'))[0], { status: 'suspended', name: 'An\u001b[2J\u202en' })
  t.match(await ask('users list BOB'), [{ email: 'bob@example.com' }])
  const first = await type('users list --limit 2 --json')
  t.strictSame([JSON.parse(first.stdout).length, first.stderr], [2, 'There are more than these 2: add --limit 20, or a word to search for.\n'])
  t.equal((await type('users list --limit 3')).stderr, '')
})

t.test('users suspend, activate, role, unpin, remove: by e-mail in whatever spelling, or by id', async t => {
  const { type, ask, database } = await openOffice(t)
  const { id } = await ask('users add ann@example.com')
  await database.storage.signIn(signInOf())
  t.match(await type('users suspend ANN@example.com'), { code: 0, stdout: 'ann@example.com is suspended.\n' })
  t.match(await ask(`users activate ${id}`), { id, status: 'active', provider: 'google', lastLoginAt: now.toISOString() })
  t.match(await type(`users role ${id} admin`), { code: 0, stdout: 'ann@example.com may administer.\n' })
  t.match(await type(`users role ${id} user`), { code: 0, stdout: 'ann@example.com may not administer.\n' })
  t.match(await type('users unpin ann@example.com'), { code: 0, stdout: 'ann@example.com may sign in by another account, once.\n' })
  t.match(await ask('users list'), [{ role: 'user', provider: null, providerIssuer: null, providerUserId: null }])
  t.match(await ask('users remove ann@example.com --yes'), { id, email: 'ann@example.com' })
  t.strictSame(await ask('users list'), [])
})

t.test('an id of before that begins with a hyphen comes behind two', async t => {
  const { type, database } = await openOffice(t)
  await database.run("INSERT INTO user_profiles (user_id, email) VALUES ('-abc', 'ann@example.com')")
  t.match(await type('users suspend -- -abc'), { code: 0, stdout: 'ann@example.com is suspended.\n' })
  t.match(await type('users role -- -abc admin'), { code: 0, stdout: 'ann@example.com may administer.\n' })
  t.match(await type('users role -abc admin'), { code: 2 })
})

t.test('a user who is not there, or there twice, is not changed', async t => {
  const { type, database } = await openOffice(t)
  for (const line of ['suspend nobody', 'activate nobody', 'role nobody admin', 'unpin nobody', 'remove nobody --yes']) {
    t.strictSame(await type(`users ${line}`), { code: 1, stdout: '', stderr: 'error: nobody is not on the whitelist\n' }, line)
  }
  await database.run("INSERT INTO user_profiles (user_id, email) VALUES ('one', 'ann@example.com'), ('two', 'Ann@Example.com')")
  const { code, stderr } = await type('users suspend ann@example.com')
  t.equal(code, 1)
  t.match(stderr, /^error: ann@example\.com stands on the whitelist in several spellings; name one by its id: (one, two|two, one)\n$/)
  t.match(await type('users suspend two'), { code: 0 })
})

t.test('a user who is removed between two steps is told as such', async t => {
  const { type, database } = await openOffice(t)
  await type('users add ann@example.com')
  await database.run('CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$')
  await database.run('CREATE TRIGGER gone BEFORE UPDATE ON user_profiles FOR EACH ROW EXECUTE FUNCTION drop_it()')
  t.match(await type('users suspend ann@example.com'), { code: 1, stderr: 'error: ann@example.com has just been changed by somebody else; try again\n' })
})

t.test('users import: each address once, whatever is between them, and again without harm', async t => {
  const { type, ask } = await openOffice(t)
  await type('users add bob@example.com --admin')
  const cwd = t.testdir({ 'staff.txt': 'Ann@example.com, bob@example.com;cleo@example.com\n\tann@EXAMPLE.com\r\n' })
  t.match(await type('users import staff.txt', { cwd }), { code: 0, stdout: 'Added: 2. On the whitelist already: 1.\n', stderr: '' })
  t.strictSame(await ask('users import staff.txt', { cwd }), { added: 0, known: 3 })
  t.match(await ask('users list bob'), [{ role: 'admin' }], 'who is there stays as they are')
  t.strictSame(await ask('users import -', { input: 'dora@example.com' }), { added: 1, known: 0 })
  t.strictSame(await ask('users import -', { input: '\n' }), { added: 0, known: 0 })
})

t.test('users import: one wrong address, and nobody is added', async t => {
  const { type, ask } = await openOffice(t)
  t.match(await type('users import -', { input: 'ann@example.com\nbob@\n\u001b[2Jx@y z' }), {
    code: 1, stdout: '', stderr: 'error: nobody was added: 3 are not plain e-mail addresses, such as bob@, [2Jx@y, z\n'
  })
  t.strictSame(await ask('users list'), [])
  t.match(await type('users import nothing.txt'), { code: 2, stderr: 'error: nothing.txt can not be read; name a file with addresses, or - for what comes in\n' })
})

t.test('users import: a person sees how far it is, in one line that goes', async t => {
  const { type } = await openOffice(t)
  const { stderr } = await type('users import -', { isTTY: true, input: 'ann@example.com bob@example.com' })
  const line = '\r\u001b[K'
  t.ok([`${line}1 of 2${line}`, `${line}1 of 2${line}2 of 2${line}`].includes(stderr), stderr)
})
