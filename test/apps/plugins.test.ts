import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import t from 'tap'
import { z } from 'zod'
import { checkAppAsItIs, equipped, orders, type AppAsItIs } from '../fixtures/app-as-it-is.ts'
import { authorizeUrl, pkce, register } from '../fixtures/flow.ts'

checkAppAsItIs(t, 'an app with fastify-type-provider-zod', {
  equip: app => {
    app.setValidatorCompiler(validatorCompiler)
    app.setSerializerCompiler(serializerCompiler)
  },
  routes: app => {
    const schema = {
      body: z.object({ name: z.string().min(2), size: z.coerce.number().default(3) }),
      response: { 200: z.object({ name: z.string(), size: z.number() }) }
    }
    app.post('/orders', { schema }, async request => request.body)
  },
  requests: [
    { method: 'POST', url: '/orders', payload: { name: 'soup', size: '4', more: true } },
    { method: 'POST', url: '/orders', payload: { name: 's' } }
  ]
})

const withHelmet: AppAsItIs = {
  equip: app => app.register(helmet),
  routes: app => { app.get('/page', async (_, reply) => reply.type('text/html').send('<h1>Menu</h1>')) },
  requests: [{ url: '/page' }, { url: '/nowhere' }]
}

checkAppAsItIs(t, 'an app with @fastify/helmet', withHelmet)

for (const order of orders) {
  t.test(`AZ-09: with @fastify/helmet ${order} our plugin, our pages keep their own policy`, async t => {
    const plain = await equipped(t, { ...withHelmet, equip: () => {} }, order)
    const world = await equipped(t, withHelmet, order)
    const names = ['content-security-policy', 'x-frame-options', 'referrer-policy', 'cache-control', 'content-type']
    const pages = await Promise.all([plain, world].map(async site => await fetch(authorizeUrl(site, await register(site), pkce()))))
    const [own, beside] = pages.map(page => Object.fromEntries(names.map(name => [name, page.headers.get(name)])))
    t.match(own, { 'content-security-policy': /frame-ancestors 'none'/, 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cache-control': /no-store/ })
    t.strictSame(beside, own)
  })
}

checkAppAsItIs(t, 'an app with @fastify/formbody', {
  equip: app => app.register(formbody),
  routes: app => { app.post('/contact', async request => request.body) },
  requests: [
    { method: 'POST', url: '/contact', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'name=Ann&tag=a&tag=b' },
    { method: 'POST', url: '/contact', headers: { 'content-type': 'text/csv' }, payload: 'a,b' }
  ]
})

checkAppAsItIs(t, 'an app with a formbody parser of its own', {
  equip: app => app.register(formbody, { parser: text => ({ all: text.toUpperCase() }), bodyLimit: 50 }),
  routes: app => { app.post('/contact', async request => request.body) },
  requests: [{ method: 'POST', url: '/contact', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'name=Ann' }]
})

checkAppAsItIs(t, 'an app with @fastify/rate-limit', {
  equip: app => app.register(rateLimit, { max: 100, timeWindow: 60_000 }),
  routes: app => {
    app.get('/menu', async () => 'menu')
    app.get('/scarce', { config: { rateLimit: { max: 1, timeWindow: 60_000 } } }, async () => 'once')
  },
  requests: [{ url: '/menu' }, { url: '/scarce' }, { url: '/scarce' }]
})
