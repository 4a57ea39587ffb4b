import t from 'tap'
import { noOrigin, type AuditEvent } from '../../lib/audit/event.ts'
import { clientPage } from '../../lib/pages/admin/clients.ts'
import type { AdminContext } from '../../lib/pages/admin/frame.ts'
import { trailPage, type TrailFilter } from '../../lib/pages/admin/trail.ts'
import { userPage } from '../../lib/pages/admin/users.ts'
import { accountPage } from '../../lib/pages/account.ts'
import { ownTrailPage, type TrailContent } from '../../lib/pages/trail.ts'
import { en } from '../../lib/pages/words/en.ts'
import { he } from '../../lib/pages/words/he.ts'

const context: AdminContext = { path: '/oauth/admin', email: 'you@example.com', csrf: 'value', freshMinutes: 5, hasTrail: true }
const noFilter: TrailFilter = { user: '', client: '', type: '', from: '', until: '' }
const ann = { id: 'ann&id', email: 'ann@example.com' }

const event: AuditEvent = {
  ...noOrigin,
  type: 'access',
  at: new Date('2026-05-03T12:00:07Z'),
  actor: { type: 'user', ...ann },
  userId: ann.id,
  clientId: 'mcp-1',
  grantId: 'g',
  tokenId: 'token-id',
  outcome: 'success',
  reason: null,
  details: { method: 'POST', route: '/mcp', tools: ['list_orders'] }
}

function content (events: AuditEvent[], more: Partial<TrailContent> = {}): TrailContent {
  return { events, after: undefined, isFirst: true, clientNames: new Map([['mcp-1', 'Claude <b>'], ['mcp-2', '\u200b']]), ...more }
}

const admin = (events: AuditEvent[], more: Partial<TrailContent> = {}, filter: Partial<TrailFilter> = {}, words = en) =>
  trailPage(context, { filter: { ...noFilter, ...filter }, trail: content(events, more) }, words).body
const own = (events: AuditEvent[], more: Partial<TrailContent> = {}) => ownTrailPage({ user: ann, trail: content(events, more), path: '/oauth/account' }, en).body

/** What a page says of an event, by its label, without tags. */
function factsIn (body: string): Record<string, string> {
  return Object.fromEntries([...body.matchAll(/<dt>([^<]+)<\/dt><dd>([\s\S]*?)<\/dd>/g)].map(([, label = '', value = '']) => [label, value.replaceAll(/<[^>]+>/g, '').trim()]))
}

t.test('an administrator sees who did what when, by which application, and from where', async t => {
  const body = admin([{ ...event, address: '2001:db8::1', userAgent: 'Claude/1.0' }])
  t.match(body, '<time datetime="2026-05-03T12:00:07.000Z">3 May 2026, 12:00:07</time>\n<strong>Request</strong>')
  t.strictSame(factsIn(body), { By: 'ann@example.com', Application: 'Claude &#60;b&#62; mcp-1', What: 'list_orders', From: '2001:db8::1', With: 'Claude/1.0' })
  t.notMatch(body, 'class="tag"')
  t.match(body, 'href="/oauth/admin/trail?user&#61;ann%26id"')
  t.match(body, 'href="/oauth/admin/trail?client&#61;mcp-1"')
  t.match(body, '<a href="/oauth/admin/trail" aria-current="true">What happened</a>')
  t.notMatch(body, 'token-id')
  t.match(admin([]), 'Nothing was found.')
})

t.test('whoever did it is named as what they are', async t => {
  const by = (actor: AuditEvent['actor'], more: Partial<AuditEvent> = {}) => factsIn(admin([{ ...event, ...more, actor }]))
  t.match(by({ type: 'administrator', id: 'bob', email: 'bob@example.com' }), { By: 'an administrator (bob@example.com)', About: 'ann&#38;id' })
  t.match(by({ type: 'operator', id: 'command line', email: null }), { By: 'the people who run this server (command line)' })
  t.match(by({ type: 'client', id: 'mcp-1', email: null }), { By: 'the application (mcp-1)' })
  t.match(by({ type: 'server', id: null, email: null }, { userId: null }), { By: 'the server', About: undefined })
  t.match(by({ type: 'user', id: null, email: 'eve@example.com' }, { userId: null }), { By: 'eve@example.com' })
  t.match(by({ type: 'user', id: 'x', email: null }), { By: 'x' })
  t.match(by({ type: 'user', id: null, email: null }), { By: undefined })
})

t.test('what was refused or failed is marked, and says why', async t => {
  const refused = admin([{ ...event, type: 'sign-in.refused', outcome: 'refused', reason: 'not-listed', clientId: null, details: {} }])
  t.match(refused, '<strong>Sign-in refused</strong>\n<span class="tag">refused</span>')
  t.match(factsIn(refused), { Why: 'not-listed', What: undefined, Application: undefined })
  t.match(admin([{ ...event, outcome: 'failed' }]), '<span class="tag">failed</span>')
  t.match(factsIn(admin([{ ...event, clientId: 'mcp-2' }])), { Application: 'mcp-2' })
  t.match(factsIn(admin([{ ...event, clientId: 'gone' }])), { Application: 'gone' })
})

t.test('a row that was changed by hand is shown as it is, and as text', async t => {
  const changed: AuditEvent = JSON.parse(JSON.stringify({ ...event, type: '<b>', outcome: 'constructor', actor: { type: '__proto__', id: '<i>', email: null }, reason: '\u202e<s>', details: { '<u>': [['<tt>']] } }))
  const body = admin([{ ...changed, at: event.at }])
  t.match(body, '<strong>&#60;b&#62;</strong>\n<span class="tag">constructor</span>')
  t.notMatch(body, /<(?:b|i|s|u|tt)>|\u202e/)
  t.notMatch(own([{ ...changed, at: event.at }]), /<(?:b|i|s|u|tt)>|\u202e/)
})

t.test('the form keeps what was looked for, and the pages keep the form', async t => {
  const filter = { user: '"><b>', type: 'access', from: '2026-11-01' }
  const body = admin([event], { after: 'W1', isFirst: false }, filter)
  t.match(body, 'name="user" value="&#34;&#62;&#60;b&#62;"')
  t.match(body, '<option value="access" selected>Request</option>')
  t.match(body, 'name="from" value="2026-11-01"')
  t.match(body, 'rel="next" href="/oauth/admin/trail?user&#61;%22%3E%3Cb%3E&#38;type&#61;access&#38;from&#61;2026-11-01&#38;after&#61;W1">Older')
  t.match(body, 'href="/oauth/admin/trail?user&#61;%22%3E%3Cb%3E&#38;type&#61;access&#38;from&#61;2026-11-01">Latest')
  t.match(admin([event], { isFirst: false }), 'href="/oauth/admin/trail">Latest')
  t.notMatch(admin([event]), />(?:Latest|Older)</)
  const options = (words: typeof en) => [...admin([], {}, {}, words).matchAll(/<option value="[a-z][^"]*">([^<]+)/g)].map(([, label]) => label)
  t.equal(options(en).length, Object.keys(en.trail.types).length)
  t.strictSame(options(en), [...options(en)].sort((one = '', other = '') => one.localeCompare(other, 'en')))
  t.strictSame(new Set(options(he)), new Set(Object.values(he.trail.types)))
})

t.test('whoever is meant and not to be found is told, without events', async t => {
  const body = trailPage(context, { filter: { ...noFilter, user: 'a@b' }, trail: undefined }, en).body
  t.match(body, '<p class="notice" role="status">This address is not on the list, or more than once.')
  t.notMatch(body, /<ul class="rows|Nothing was found/)
})

t.test('people see what is theirs: who else did something, and not from where', async t => {
  const origin = { address: '2001:db8::1', userAgent: 'Firefox' }
  t.strictSame(factsIn(own([{ ...event, ...origin }])), { Application: 'Claude &#60;b&#62;', What: 'list_orders', From: '2001:db8::1', With: 'Firefox' })
  const suspended = own([{ ...event, ...origin, type: 'user.changed', actor: { type: 'administrator', id: 'bob', email: 'bob@example.com' }, clientId: null, details: { status: 'suspended' } }])
  t.strictSame(factsIn(suspended), { By: 'an administrator', What: 'status suspended' })
  t.notMatch(suspended, /bob|2001:db8|Firefox/)
  t.strictSame(factsIn(own([{ ...event, ...origin, actor: { type: 'client', id: 'gone', email: null }, clientId: 'gone' }])), {
    By: 'the application', Application: 'gone', What: 'list_orders', From: '2001:db8::1', With: 'Firefox'
  })
  t.match(factsIn(own([{ ...event, clientId: 'mcp-2' }])), { Application: 'an application without a name' })
  t.notMatch(own([event]), /<form|trail\?(?:user|client)/, 'nothing to look for')
  t.match(own([event], { after: 'W1' }), 'rel="next" href="/oauth/account/trail?after&#61;W1"')
  t.match(own([]), 'Nothing was found.')
})

t.test('the other pages lead there, where anything is written down', async t => {
  const client = {
    id: 'mcp-1', secretHash: null, name: 'x', redirectUris: [], grantTypes: [], tokenEndpointAuthMethod: 'none', clientUri: null, logoUri: null, documentFetchedAt: null, createdAt: event.at, active: true
  } as const
  const user = { ...ann, name: null, picture: null, status: 'active', role: 'user', provider: null, providerIssuer: null, providerUserId: null, createdAt: event.at, lastLoginAt: null } as const
  const pages = (hasTrail: boolean) => [
    clientPage({ ...context, hasTrail }, client, en), userPage({ ...context, hasTrail }, user, [], new Map(), en),
    accountPage({ email: ann.email, connections: [], scopes: new Map(), hasEnded: false, path: '/oauth/account', hasTrail, csrf: 'value' }, en)
  ].map(({ body }) => [...body.matchAll(/href="([^"]*trail[^"]*)"/g)].map(([, href]) => href))
  t.strictSame(pages(true), [['/oauth/admin/trail', '/oauth/admin/trail?client&#61;mcp-1'], ['/oauth/admin/trail', '/oauth/admin/trail?user&#61;ann%26id'], ['/oauth/account/trail']])
  t.strictSame(pages(false), [[], [], []])
})
