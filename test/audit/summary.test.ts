import t from 'tap'
import { summaryOf } from '../../lib/audit/summary.ts'

t.test('an event is about its tools, else its methods, scopes or route, else all that is known', async t => {
  const summaries: Array<[Parameters<typeof summaryOf>[0]['details'], string]> = [
    [{ method: 'POST', route: '/mcp', rpc: ['tools/call'], status: 200, tools: ['list_orders', 'create_order'] }, 'list_orders, create_order'],
    [{ method: 'POST', route: '/mcp', rpc: ['initialize'], status: 200 }, 'initialize'],
    [{ method: 'GET', route: '/mcp/:id', status: 405 }, 'GET /mcp/:id'],
    [{ method: 'GET', route: null, status: 404 }, 'method GET, status 404'],
    [{ refreshTokenId: 'r', scopes: ['openid', 'mcp'] }, 'openid mcp'],
    [{ active: false }, 'active false'],
    [{ name: null, redirectUris: ['https://a.example/cb', 'https://b.example/cb'] }, 'redirectUris https://a.example/cb https://b.example/cb'],
    [{}, '']
  ]
  for (const [details, summary] of summaries) t.equal(summaryOf({ details }), summary)
})
