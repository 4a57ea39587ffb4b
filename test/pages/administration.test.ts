import t from 'tap'
import { accountPage } from '../../lib/pages/account.ts'
import { clientPage, clientsPage } from '../../lib/pages/admin/clients.ts'
import { confirmPage } from '../../lib/pages/admin/confirm.ts'
import type { AdminContext, Listed } from '../../lib/pages/admin/frame.ts'
import { userPage, usersPage } from '../../lib/pages/admin/users.ts'
import { en } from '../../lib/pages/words/en.ts'
import type { ConnectedClient } from '../../lib/grants/connections.ts'
import type { Client, User } from '../../lib/storage/records.ts'

const may = new Date('2026-05-03T12:00:00Z')

const context: AdminContext = { path: '/oauth/admin', email: 'you@example.com', csrf: 'value', freshMinutes: 5, hasTrail: true }

const user: User = {
  id: 'a&b',
  email: 'ann@example.com',
  name: null,
  picture: null,
  status: 'active',
  role: 'user',
  provider: null,
  providerIssuer: null,
  providerUserId: null,
  createdAt: may,
  lastLoginAt: null
}

const client: Client = {
  id: 'mcp-1',
  secretHash: null,
  name: 'Claude',
  redirectUris: ['https://claude.ai/cb'],
  grantTypes: [],
  tokenEndpointAuthMethod: 'none',
  clientUri: null,
  logoUri: null,
  documentFetchedAt: null,
  createdAt: may,
  active: true
}

const connection: ConnectedClient = {
  client, connectedAt: may, lastUsedAt: new Date('2026-05-04'), endsAt: new Date('2026-08-01'), scopes: ['email', 'orders:read', 'gone'], redirectUris: ['https://claude.ai/cb', 'https://claude.ai/other', 'cursor://x/cb']
}

const scopes = new Map([['email', undefined], ['orders:read', 'Read your <orders>']])

function listed<Row> (rows: Row[], more: Partial<Listed<Row>> = {}): Listed<Row> {
  return { rows, search: '', offset: 0, limit: 50, hasMore: false, ...more }
}

t.test('the list of people shows who they are, and what is out of the ordinary', async t => {
  const { kind, title, body } = usersPage(context, listed([user, { ...user, name: 'Bob <b>\u202E', role: 'admin', status: 'suspended' }, { ...user, status: null }]), en)
  t.equal(kind, 'admin')
  t.equal(title, 'People')
  t.match(body, 'href="/oauth/admin/user?id&#61;a%26b"')
  t.match(body, '<bdi>Bob &#60;b&#62;</bdi>')
  t.equal(body.match(/<span class="tag">administrator/g)?.length, 1)
  t.equal(body.match(/<span class="tag">suspended/g)?.length, 2, 'whatever is not active')
  t.match(usersPage(context, listed([]), en).body, 'Nobody was found.')
  for (const form of body.match(/<form method="post"[\s\S]*?<\/form>/g) ?? []) t.match(form, 'name="csrf" value="value"', 'each form has the value')
})

t.test('the ways to the pages before and after keep what was searched', async t => {
  const at = (more: Partial<Listed<User>>) => usersPage(context, listed([user], more), en).body
  t.notMatch(at({}), /rel="(?:prev|next)"/)
  t.match(at({ hasMore: true }), 'rel="next" href="/oauth/admin?offset&#61;50"')
  t.match(at({ offset: 50, search: 'a&b' }), 'rel="prev" href="/oauth/admin?search&#61;a%26b&#38;offset&#61;0"')
  t.match(at({ offset: 20 }), 'offset&#61;0"', 'not before the first')
  t.match(at({ offset: 100, hasMore: true, search: '"' }), /offset&#61;50"[\s\S]*offset&#61;150"/)
  t.match(at({ search: '"><b>' }), 'value="&#34;&#62;&#60;b&#62;"')
})

t.test('an entry shows what can be done with it', async t => {
  const of = (changes: Partial<User>, connections: ConnectedClient[] = []) => userPage(context, { ...user, ...changes }, connections, scopes, en).body
  const plain = of({})
  for (const change of ['suspend', 'promote', 'remove-user']) t.match(plain, `name="change" value="${change}"`)
  for (const change of ['activate', 'demote', 'unpin', 'end-connection"', 'end-connections']) t.notMatch(plain, `value="${change}`)
  t.match(plain, 'any provider, until the first sign-in')
  t.match(plain, /Last sign-in<\/dt><dd>never/)
  t.match(plain, 'No application has access in this name.')
  const other = of({ status: 'suspended', role: 'admin', provider: 'google', providerIssuer: null, providerUserId: 'sub\u202E<b>', lastLoginAt: may, name: 'Ann' })
  for (const change of ['activate', 'demote', 'unpin']) t.match(other, `value="${change}"`)
  t.match(other, '<dd><bdi>google · sub&#60;b&#62;</bdi></dd>')
  t.match(other, '3 May 2026')
  const one = of({}, [connection])
  t.match(one, 'value="end-connection"')
  t.match(one, 'name="client" value="mcp-1"')
  t.notMatch(one, 'value="end-connections"')
  t.match(of({}, [connection, { ...connection, client: { ...client, id: 'mcp-2' } }]), 'value="end-connections"')
})

t.test('clients show their ids, and what they are known by', async t => {
  const list = clientsPage(context, listed([client, { ...client, id: 'https://x.example/c?a=b', name: '', active: false }]), en).body
  t.match(list, 'href="/oauth/admin/client?id&#61;mcp-1">Claude</a>')
  t.match(list, 'an application without a name</a>')
  t.equal(list.match(/<span class="tag">suspended/g)?.length, 1)
  t.match(clientsPage(context, listed<Client>([]), en).body, 'No application was found.')
  const registered = clientPage(context, client, en).body
  t.match(registered, 'only the name that it gave itself')
  t.match(registered, 'value="deactivate-client"')
  t.match(registered, /Has a secret<\/dt><dd>no/)
  const hosted = clientPage(context, { ...client, id: 'https://x.example/c', documentFetchedAt: may, secretHash: 'h', active: false }, en).body
  t.match(hosted, '<dd>x.example</dd>')
  t.match(hosted, 'value="activate-client"')
  t.match(hosted, /Has a secret<\/dt><dd>yes/)
})

t.test('around each page stands who is signed in, for how long changes count, and what was done', async t => {
  const of = (more: Partial<AdminContext>) => clientPage({ ...context, ...more }, client, en).body
  t.match(of({}), 'You are signed in as you@example.com. You have signed in just now: changes count at once for 5 more minutes.')
  t.match(of({ freshMinutes: 1 }), '1 more minute.')
  t.match(of({ freshMinutes: 0 }), 'Before a change you will be asked to sign in again.')
  t.notMatch(of({}), 'role="status"')
  t.match(of({ notice: '<b>' }), '<p class="done" role="status">&#60;b&#62;</p>')
  t.match(of({}), '<a href="/oauth/admin/clients" aria-current="true">')
  t.notMatch(of({}), '<a href="/oauth/admin" aria-current')
})

t.test('a change that is to be confirmed is shown with all that it sends', async t => {
  const change = { name: 'add-user', about: ['<ann>', 'as an administrator'], fields: [['change', 'add-user'], ['email', '"a"']] } as const
  const proven = confirmPage(context, change, true, en).body
  t.match(proven, 'You have signed in again.')
  t.match(proven, '<ul><li>&#60;ann&#62;</li><li>as an administrator</li></ul>')
  t.match(proven, '<input type="hidden" name="email" value="&#34;a&#34;">')
  t.match(confirmPage(context, change, false, en).body, 'does not say when you signed in')
})

t.test('an account shows what has access, and ends it', async t => {
  const of = (connections: ConnectedClient[], hasEnded = false) => accountPage({ email: 'ann@example.com', connections, scopes, hasEnded, path: '/oauth/account', hasTrail: true, csrf: 'value' }, en).body
  t.match(of([]), 'No application has access in your name.')
  t.notMatch(of([]), /value="yes"|role="status"/)
  t.match(of([], true), '<p class="done" role="status">The access has ended.</p>')
  const one = of([connection])
  t.match(one, '<button name="client" value="mcp-1">End the access of Claude</button>')
  t.match(one, '<li><bdi>See your e-mail address</bdi></li><li><bdi>Read your &#60;orders&#62;</bdi></li><li><bdi>gone</bdi></li>')
  t.match(one, '<dd><bdi dir="ltr">claude.ai, cursor://x/cb</bdi></dd>')
  t.match(one, '<dd>3 May 2026</dd>')
  t.match(one, '<dd>4 May 2026</dd>')
  t.match(one, '<dd>1 August 2026</dd>')
  t.notMatch(one, 'value="yes"')
  t.match(of([connection, connection]), '<button name="all" value="yes">End all access</button>')
  t.notMatch(of([{ ...connection, redirectUris: [] }]), 'Answers go to')
  t.match(of([{ ...connection, client: { ...client, id: 'https://x.example/c', documentFetchedAt: may, name: '\u200B' } }]), /End the access of an application without a name[\s\S]*|<dd>x\.example<\/dd>/)
})
