import t from 'tap'
import type { AuthInfo as AuthInfoV2, CallToolResult } from '@modelcontextprotocol/server'
import { refuseTool } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { guardedApp } from '../fixtures/guarded-app.ts'

const scopes = { notes: 'All about notes', 'notes:read': 'Read notes', audit: 'See the audit' }

t.test('RS-10: inside a tool, what is missing becomes a tool error that says so', async t => {
  const authInfo: AuthInfoV2 = { token: 'x', clientId: 'x', scopes: ['notes'], expiresAt: 0, extra: { user: { role: 'user' } } }
  const refusal: CallToolResult | undefined = refuseTool(authInfo, { scopes: ['notes:read', 'audit'], roles: ['admin'] })
  t.strictSame(refusal, { isError: true, content: [{ type: 'text', text: 'Nothing was done: this needs the role admin and the scope audit, which this sign-in does not have' }] })
  t.equal(refuseTool(authInfo, { scopes: ['notes:read', 'notes'], roles: ['user', 'admin'] }), undefined)
  t.equal(refuseTool(authInfo, {}), undefined)
  for (const nobody of [undefined, { scopes: [] }, { scopes: [], extra: {} }, { scopes: [], extra: { user: null } }]) {
    t.match(refuseTool(nobody, { roles: ['user'] }), { isError: true }, 'nobody has no role')
    t.match(refuseTool(nobody, { scopes: ['notes'] }), { content: [{ text: /needs the scope notes,/ }] })
  }
})

t.test('it reads what a protected request knows', async t => {
  const app = await guardedApp(t, { scopes, after: app => { app.post('/mcp', async request => refuseTool(request.mcpOAuth, { scopes: ['audit'], roles: ['admin'] }) ?? 'ran') } })
  const as = async (role: 'user' | 'admin', granted: string[]) => await app.inject({ method: 'POST', url: '/mcp', headers: await signInAs(app, { email: 'ann@example.com', role, scopes: granted }) })
  t.match((await as('user', ['audit'])).json(), { isError: true, content: [{ text: /the role admin,/ }] })
  t.match((await as('admin', [])).json(), { content: [{ text: /the scope audit,/ }] })
  t.equal((await as('admin', ['audit'])).body, 'ran')
})
