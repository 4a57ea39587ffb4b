import t from 'tap'
import { consentPage, destination, type ConsentContent } from '../../lib/pages/consent.ts'
import { providerMark } from '../../lib/pages/marks.ts'
import { leavingPage, messagePage } from '../../lib/pages/message.ts'
import { en } from '../../lib/pages/words/en.ts'
import { he } from '../../lib/pages/words/he.ts'
import { signInPage } from '../../lib/pages/sign-in.ts'

const may = new Date('2026-05-03T12:00:00Z')
const hostile = '<script>"\'&\u202E'

const content: ConsentContent = {
  clientName: 'Claude',
  clientHost: undefined,
  logo: undefined,
  changes: undefined,
  redirectUri: 'https://claude.ai/cb?x=1',
  resource: 'https://api.example.com/mcp',
  scopes: [{ name: 'email', words: undefined }, { name: 'orders:read', words: 'Read your orders' }, { name: 'offline_access', words: undefined }, { name: 'constructor', words: undefined }],
  earlier: undefined,
  providers: [{ id: 'google', name: 'Google', mark: 'google' }, { id: 'local', name: 'Local' }],
  form: { action: '/oauth/consent', request: 'sealed', csrf: 'value' }
}

t.test('PX-02: the page tells who asks, by what it is known, and groups what it may do', async t => {
  const { title, body, kind } = consentPage(content, en)
  t.equal(kind, 'consent')
  t.equal(title, '“Claude” wants access')
  t.match(body, '<span class="monogram" aria-hidden="true">C</span>')
  t.match(body, /It will be able to<\/dt><dd><ul><li><bdi>Read your orders<\/bdi><\/li><li><bdi>constructor<\/bdi><\/li><\/ul>/)
  t.match(body, /It will learn about you<\/dt><dd><ul><li><bdi>See your e-mail address<\/bdi><\/li><\/ul>/)
  t.match(body, /It will go on without you<\/dt><dd><ul><li><bdi>Stay connected/)
  t.match(body, 'you sign in with Google or Local next')
  t.match(body, '<strong><bdi dir="ltr">claude.ai</bdi></strong>')
  t.notMatch(body, /class="notice"|class="done"|class="tag"|<img/)
  const identityOnly = consentPage({ ...content, scopes: [{ name: 'openid', words: undefined }] }, en)
  t.notMatch(identityOnly.body, /It will be able to|It will go on/)
  t.match(consentPage({ ...content, clientHost: 'claude.ai' }, en).body, /has been checked<\/dt><dd><strong><bdi dir="ltr">claude\.ai/)
  const withLogo = consentPage({ ...content, logo: 'data:image/png;base64,AA" onerror="x' }, en).body
  t.match(withLogo, '<img src="data:image/png;base64,AA&#34; onerror&#61;&#34;x" alt="">')
  t.notMatch(withLogo, 'monogram')
})

t.test('PX-02: a client without a name, or with one of many characters', async t => {
  const nameless = consentPage({ ...content, clientName: '\u200B' }, en)
  t.equal(nameless.title, 'An application without a name wants access')
  t.match(nameless.body, 'aria-hidden="true">?</span>')
  t.match(consentPage({ ...content, clientName: '👩 Chat' }, en).body, 'aria-hidden="true">👩</span>')
  const { body, title } = consentPage({ ...content, clientName: hostile, scopes: [{ name: 'x', words: hostile }], resource: hostile, providers: [{ id: 'x', name: hostile }] }, en)
  t.notMatch(body, '<script')
  t.notMatch(title, '\u202E')
})

t.test('AZ-12: an earlier decision changes the words, and marks what is new', async t => {
  const all = consentPage({ ...content, earlier: { at: may, scopes: content.scopes.map(({ name }) => name) } }, en).body
  t.match(all, 'You allowed this on 3 May 2026.')
  t.notMatch(all, 'class="tag"')
  const less = consentPage({ ...content, earlier: { at: may, scopes: ['email'] } }, en).body
  t.match(less, 'You allowed this application on 3 May 2026. What is marked as new was not asked for then.')
  t.equal(less.match(/<span class="tag">new<\/span>/g)?.length, 3)
  for (const body of [all, less]) t.equal(body.match(/value="allow"/g)?.length, 2, 'a click is asked for all the same')
})

t.test('PX-02: what a client says otherwise than the last time is pointed out', async t => {
  const changed = (changes: Partial<NonNullable<ConsentContent['changes']>>) => consentPage({ ...content, changes: { formerName: undefined, redirectUris: false, since: may, ...changes } }, en).body
  t.match(changed({ formerName: `Old ${hostile}` }), 'It called itself “Old &#60;script&#62;')
  t.notMatch(changed({ formerName: 'Old' }), 'other addresses')
  t.match(changed({ redirectUris: true }), 'The application has changed since 3 May 2026, when somebody last signed in with it. It named other addresses for its answers then.')
})

t.test('PX-02: where the answer goes, and a warning where that is this machine', async t => {
  t.equal(destination('https://client.example:8443/cb?x=1#y'), 'client.example:8443')
  t.equal(destination('http://127.0.0.1:4321/cb'), '127.0.0.1:4321')
  t.equal(destination('cursor://anysphere.cursor-mcp/oauth/callback?code=x'), 'cursor://anysphere.cursor-mcp/oauth/callback')
  t.match(consentPage({ ...content, redirectUri: 'http://localhost:1/cb' }, en).body, /class="notice">The answer goes to a program on this computer/)
  t.match(consentPage({ ...content, redirectUri: 'cursor://x/cb' }, en).body, /class="notice">The answer goes to an app on this device/)
})

t.test('every provider has a mark, which says nothing to a screen reader', async t => {
  const marks = [providerMark('google'), providerMark('microsoft'), providerMark('cognito'), providerMark(undefined)]
  t.equal(new Set(marks).size, 4)
  for (const mark of marks) t.match(mark, /^<svg viewBox="0 0 24 24" aria-hidden="true"><(?:g|path|rect)[\s\S]*<\/svg>$/)
  t.match(consentPage(content, en).body, marks[0])
  t.match(consentPage(content, en).body, marks[3])
})

t.test('a message has what belongs to it, and nothing that does not', async t => {
  const bare = messagePage({ title: 'Title', paragraphs: ['One', '<b>'], reference: 'req-1"<' }, en).body
  t.match(bare, '<p>One</p>')
  t.match(bare, '<p>&#60;b&#62;</p>')
  t.match(bare, 'Reference: req-1&#34;&#60;')
  t.notMatch(bare, /<h2|<form|<a |<bdi/)
  const full = messagePage({
    title: 'Title',
    paragraphs: [],
    detail: 'The <detail>.',
    steps: true,
    back: 'https://client.example/cb?error=x&state="',
    link: { href: '/oauth/account', label: 'Try again' },
    retry: { form: content.form, providers: content.providers, label: 'Use another account' },
    reference: 'r'
  }, he).body
  t.match(full, '<bdi lang="en">The &#60;detail&#62;.</bdi>')
  for (const client of ['Claude', 'ChatGPT', 'Cursor', 'VS Code']) t.match(full, client)
  t.match(full, 'client.example')
  t.match(full, 'href="https://client.example/cb?error&#61;x&#38;state&#61;&#34;"')
  t.match(full, '<a class="button" href="/oauth/account">Try again</a>')
  t.match(full, 'Use another account: ')
  t.match(full, 'formaction="/oauth/consent?provider=local"')
  const one = messagePage({ title: '', paragraphs: [], retry: { form: content.form, providers: [{ id: 'local', name: 'Local' }], label: 'Try again' }, reference: '' }, en).body
  t.match(one, '<span>Try again</span>', 'with one provider nothing has to be chosen')
})

t.test('a page that is passed through goes on by itself and by a link', async t => {
  t.match(leavingPage('https://x.example/?a="', 'Going', 'Continue'), { kind: 'leaving', title: 'Going', next: 'https://x.example/?a="' })
  const { body } = leavingPage('https://x.example/?a="', 'Going <', 'Continue', 'Close it')
  t.match(body, '<h1>Going &#60;</h1>')
  t.match(body, '<p>Close it</p>')
  t.match(body, 'href="https://x.example/?a&#61;&#34;"')
})

t.test('a page that asks for a sign-in says what waits for it', async t => {
  const of = (waiting?: string[]) => signInPage({ title: 'T', text: 'X', providers: content.providers, form: content.form, ...waiting !== undefined && { waiting } }, en).body
  t.notMatch(of(), '<ul>')
  t.match(of(['Remove: <ann>']), '<ul><li>Remove: &#60;ann&#62;</li></ul>')
  t.match(of(), 'Sign in with Google')
})
