import t from 'tap'
import { hashSecret } from '../../lib/keys/secrets.ts'
import { after, granted, newClient, now } from '../../lib/testing/contract/fixtures.ts'
import { openOffice } from '../fixtures/command-line.ts'

t.setTimeout(120_000)

const long = new Date(Date.now() - 3 * 86_400_000)

t.test('clients add: the secret is shown once, and is the one that counts', async t => {
  const { type, ask, database } = await openOffice(t)
  const { code, stdout, stderr } = await type('clients add --name Reports --redirect-uri https://reports.example.com/a https://reports.example.com/b')
  const [, id = '', secret = ''] = /^client_id: (mcp-\S{22})\nclient_secret: (\S{43})\n$/.exec(stdout) ?? []
  t.strictSame([code, stderr], [0, 'The secret is shown this once.\n'])
  const stored = await database.storage.findClient(id)
  t.match(stored, { name: 'Reports', redirectUris: ['https://reports.example.com/a', 'https://reports.example.com/b'], tokenEndpointAuthMethod: 'client_secret_basic', secretHash: hashSecret(secret) })
  for (const line of ['clients list', 'clients list --json', `clients show ${id}`, `clients show ${id} --json`, `clients deactivate ${id} --json`]) {
    const { stdout } = await type(line)
    t.match(stdout, 'Reports', line)
    t.notMatch(stdout, secret, line)
    t.notMatch(stdout, hashSecret(secret), line)
  }
  t.match(await ask(`clients show ${id}`), { id, hasSecret: true, active: false })
  const open = await ask('clients add --name Open --auth none --redirect-uri https://open.example.com/cb')
  t.match(open, { client_id: /^mcp-/, token_endpoint_auth_method: 'none', client_secret: undefined })
  t.match((await type('clients add --name Open --auth none --redirect-uri https://open.example.com/cb')).stdout, /^client_id: \S+\n$/)
})

t.test('clients add: what a registration refuses is refused', async t => {
  const { type, ask } = await openOffice(t)
  for (const uri of ['http://evil.example/cb', 'https://x.example/cb#f', 'javascript:alert(1)', 'data:text/html,x']) {
    t.match(await type(`clients add --name x --redirect-uri ${uri}`), { code: 1, stdout: '', stderr: /^error: A redirect URI must be https/ }, uri)
  }
  t.strictSame(await ask('clients list'), [])
})

t.test('clients add: a link to an app may stand there, and the operator is told what it takes', async t => {
  const { type } = await openOffice(t)
  t.match(await type('clients add --name App --auth none --redirect-uri com.example.app:/cb'), {
    code: 0, stdout: /^client_id: /, stderr: 'Name com.example.app:/cb in the server\'s option allowedRedirectUris too, or nothing is sent there.\n'
  })
})

t.test('clients list and show: what is known, and nothing that moves a cursor', async t => {
  const { type, ask, database } = await openOffice(t)
  t.strictSame(await type('clients list'), { code: 0, stdout: 'There are none.\n', stderr: '' })
  await database.storage.createClient(newClient({ id: 'one', name: 'Ev\u009bil\u202e' }))
  await database.storage.createClient(newClient({ id: 'two', name: '', active: false, createdAt: after(60), clientUri: 'https://client.example.com' }))
  t.strictSame((await type('clients list')).stdout.split('\n'), [
    'ID   NAME  SECRET  STATE        SINCE',
    'two        no      deactivated  2026-11-01 12:01Z',
    'one  Evil  no      active       2026-11-01 12:00Z',
    ''
  ])
  t.match(await ask('clients list EV'), [{ id: 'one' }])
  t.notMatch((await type('clients list --json')).stdout, /[\u009b\u202e]/)
  t.strictSame((await type('clients show two')).stdout.split('\n'), [
    'ID              two',
    'NAME',
    'SECRET          no',
    'STATE           deactivated',
    'SINCE           2026-11-01 12:01Z',
    'REDIRECTS       https://client.example.com/callback http://127.0.0.1/callback',
    'GRANT TYPES     authorization_code refresh_token',
    'AUTHENTICATION  none',
    'SITE            https://client.example.com',
    'LOGO            -',
    'DOCUMENT OF     -',
    ''
  ])
  t.strictSame(Object.keys(await ask('clients show two')).sort(), [
    'active', 'clientUri', 'createdAt', 'documentFetchedAt', 'grantTypes', 'hasSecret', 'id', 'logoUri', 'name', 'redirectUris', 'tokenEndpointAuthMethod'
  ])
})

t.test('clients deactivate and activate; one that is not there is told as such', async t => {
  const { type, ask, database } = await openOffice(t)
  await database.storage.createClient(newClient({ id: 'one' }))
  t.strictSame(await type('clients deactivate one'), { code: 0, stdout: 'one is deactivated.\n', stderr: '' })
  t.match(await ask('clients activate one'), { id: 'one', active: true })
  t.match(await type('clients activate one'), { stdout: 'one is active.\n' })
  for (const line of ['show', 'activate', 'deactivate']) {
    t.strictSame(await type(`clients ${line} none`), { code: 1, stdout: '', stderr: 'error: there is no client none\n' }, line)
  }
})

t.test('clients prune: who registered itself and was unused for so long, and nobody else', async t => {
  const { type, ask, database } = await openOffice(t)
  const { storage } = database
  await storage.registerClient(newClient({ id: 'unused', createdAt: long }), 'unused')
  await storage.registerClient(newClient({ id: 'new', createdAt: new Date() }), 'new')
  await granted(storage, { expiresAt: now })
  t.strictSame(await ask('clients prune --yes'), { clients: 0 })
  t.match(await type('clients prune --unused-for 2 --yes'), { code: 0, stdout: 'Removed: clients 1.\n' })
  t.match(await type('clients prune --unused-for 2 --yes'), { code: 0, stdout: 'Removed: nothing.\n' })
  t.equal((await ask('clients list')).length, 2)
})
