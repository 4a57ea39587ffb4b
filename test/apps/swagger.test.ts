import swagger from '@fastify/swagger'
import t from 'tap'
import { checkAppAsItIs, equipped, orders, type AppAsItIs } from '../fixtures/app-as-it-is.ts'

const documented: AppAsItIs = {
  equip: app => app.register(swagger, { openapi: { info: { title: 'Restaurant', version: '1.0.0' } } }),
  routes: app => {
    app.get('/menu', { schema: { response: { 200: { type: 'object', properties: { soup: { type: 'number' } } } } } }, async () => ({ soup: 4 }))
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  },
  requests: [{ url: '/menu' }]
}

checkAppAsItIs(t, 'an app with @fastify/swagger', documented)

for (const order of orders) {
  t.test(`with @fastify/swagger ${order} our plugin, the document has the app's routes and none of ours`, async t => {
    const { app } = await equipped(t, documented, order)
    t.strictSame(Object.keys((await app.inject('/openapi.json')).json().paths).sort(), ['/mcp', '/menu'])
  })
}
