import t from 'tap'
import { granted, grantedTo, newClient, redeemed } from '../../lib/testing/contract/fixtures.ts'
import { openOffice } from '../fixtures/command-line.ts'

t.setTimeout(120_000)

const living = { createdAt: new Date(), expiresAt: new Date(Date.now() + 86_400_000) }

t.test('grants list: who is signed in, and where', async t => {
  const { type, ask, database } = await openOffice(t)
  const { storage } = database
  t.strictSame(await type('grants list'), { code: 0, stdout: 'There are none.\n', stderr: '' })
  const { grant, user, client } = await granted(storage, living)
  const nameless = newClient({ id: 'nameless', name: '' })
  await storage.createClient(nameless)
  const { user: other } = await grantedTo(storage, nameless, { ...living, createdAt: new Date(Date.now() - 60_000) })
  const [heading, first, second] = (await type('grants list')).stdout.split('\n')
  t.match(heading, /^GRANT +E-MAIL +CLIENT +SCOPES +SINCE +LAST USED +ENDS$/)
  t.match(first, new RegExp(`^${grant.id} +${user.email} +A client +openid mcp +\\S+ \\S+Z +- +\\S+ \\S+Z$`))
  t.match(second, / nameless +openid mcp /)
  const found = await ask(`grants list ${user.email}`)
  t.match(found, [{ id: grant.id, userId: user.id, email: user.email, clientId: client.id, clientName: 'A client', scopes: ['openid', 'mcp'] }])
  t.equal(found.length, 1)
  t.match(await ask(`grants list --user ${other.email}`), [{ clientId: 'nameless' }])
  t.match(await type('grants list --user nobody'), { code: 1, stderr: 'error: nobody is not on the whitelist\n' })
  t.match((await type('grants list --limit 1')).stderr, 'There are more than these 1')
})

t.test('grants revoke: by id, each once', async t => {
  const { type, ask, database } = await openOffice(t)
  const [one, two, three] = [await redeemed(database.storage, {}, living), await granted(database.storage, living), await granted(database.storage, living)]
  t.strictSame(await type(`grants revoke ${one.grant.id}`), { code: 0, stdout: 'Revoked: 1.\n', stderr: '' })
  t.ok((await database.storage.findToken(one.refreshToken.id))?.grant.revokedAt)
  t.match(await type(`grants revoke ${one.grant.id} ${two.grant.id} none`), {
    code: 1, stdout: '', stderr: 'error: 1 of 3 were revoked; the others are none, or were revoked before\n'
  })
  t.match(await ask('grants list'), [{ id: three.grant.id }])
})

t.test('grants revoke --user: of one, and of one client', async t => {
  const { type, ask, database } = await openOffice(t)
  const { user, client } = await granted(database.storage, living)
  const { client: other } = await granted(database.storage, { ...living, userId: user.id })
  await granted(database.storage, living)
  t.strictSame(await ask(`grants revoke --user ${user.email} --client ${client.id}`), { revoked: 1 })
  t.match(await ask(`grants list --user ${user.id}`), [{ clientId: other.id }])
  t.strictSame(await ask(`grants revoke --user ${user.id}`), { revoked: 1 })
  t.strictSame(await ask(`grants revoke --user ${user.id}`), { revoked: 0 })
  t.match(await type('grants revoke --user nobody'), { code: 1, stderr: 'error: nobody is not on the whitelist\n' })
  t.equal((await ask('grants list')).length, 1)
})

t.test('grants revoke --all: of everybody, once it is sure', async t => {
  const { type, ask, database } = await openOffice(t)
  for (let index = 0; index < 3; index++) await granted(database.storage, living)
  t.match(await type('grants revoke --all', { isTTY: true, input: 'n' }), { code: 1, stderr: /^End what every client has in everybody's name\? \[y\/N\] error: nothing was changed\n$/ })
  t.equal((await ask('grants list')).length, 3)
  const { stdout, stderr } = await type('grants revoke --all', { isTTY: true, input: 'y' })
  t.strictSame([stdout, stderr.slice(stderr.indexOf(']') + 2)], ['Revoked: 3.\n', '\r\u001b[Krevoked: 3\r\u001b[K'])
  t.strictSame(await ask('grants list'), [])
  t.strictSame(await ask('grants revoke --all --yes'), { revoked: 0 })
})
