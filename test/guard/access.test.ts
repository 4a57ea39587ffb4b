import type { FastifyRequest } from 'fastify'
import t from 'tap'
import type { Access, AuthInfo } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, guardedApp, resource } from '../fixtures/guarded-app.ts'

const ann = { email: 'ann@example.com', name: 'Ann', scopes: ['openid', 'email'], role: 'admin' } as const

function authInfo (request: FastifyRequest): AuthInfo | undefined {
  return Reflect.get(request.raw, 'auth')
}

t.test('request.mcpOAuth throws where nothing is protected, and names the route', async t => {
  const app = await guardedApp(t, {
    before: app => { app.setErrorHandler(async (error, _, reply) => reply.code(500).send(error instanceof Error ? error.message : '')) },
    after: app => {
      answering()(app)
      app.get('/open/:id', async request => request.mcpOAuth.user)
      app.setNotFoundHandler(async request => request.mcpOAuth.user)
    }
  })
  const headers = await signInAs(app, ann)
  const answer = await app.inject({ url: '/open/1', headers })
  t.equal(answer.statusCode, 500)
  t.equal(answer.body, '/open/:id is not protected by fastify-mcp-oauth: request.mcpOAuth has nothing to tell')
  t.match((await app.inject({ url: '/nowhere', headers })).body, /^\/nowhere is not protected/)
})

t.test('authOf is null where nothing is protected, whatever token comes, and never throws', async t => {
  const seen: Array<Access | null> = []
  const app = await guardedApp(t, {
    after: app => {
      const look = async (request: FastifyRequest) => { seen.push(app.mcpOAuth.authOf(request)) }
      app.get('/open', look)
      app.post('/mcp', look)
    }
  })
  const headers = await signInAs(app, ann)
  await app.inject({ url: '/open', headers })
  await app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(seen[0], null)
  t.match(seen[1], { user: { email: ann.email } })
})

t.test('who the request comes from is told from the rows', async t => {
  let access: Access | undefined
  let auth: AuthInfo | undefined
  const app = await guardedApp(t, {
    accessTokenLifetime: 600,
    after: app => {
      app.post('/mcp', async request => {
        access = request.mcpOAuth
        auth = authInfo(request)
      })
    }
  })
  const headers = await signInAs(app, ann)
  const [row] = await app.mcpOAuth.users.list(ann.email)
  await app.mcpOAuth.users.update(row?.id ?? '', { name: 'Ann Other', role: 'user' })
  await app.inject({ method: 'POST', url: '/mcp', headers })

  t.strictSame(access?.user, { id: row?.id, email: ann.email, name: 'Ann Other', role: 'user' }, 'not from the claims of the token')
  t.match(access, { client: { id: /^test-/, name: 'Test client' }, scopes: ['openid', 'email'], resource, grantId: /^.{20,}$/, tokenId: /^.{20,}$/ })
  const left = (access?.expiresAt.getTime() ?? 0) - Date.now()
  t.ok(left > 590_000 && left <= 600_000)

  // What the MCP SDKs hand to tools.
  t.match(auth, {
    token: headers.authorization.slice('Bearer '.length),
    clientId: access?.client.id,
    scopes: ['openid', 'email'],
    expiresAt: (access?.expiresAt.getTime() ?? 0) / 1000,
    extra: { user: access?.user, grantId: access?.grantId }
  })
  t.ok(auth?.resource instanceof URL)
  t.equal(auth?.resource.href, resource)
})

t.test('the token counts no longer than its grant', async t => {
  const app = await guardedApp(t, { accessTokenLifetime: 3600, grantLifetime: 60, after: app => { app.post('/mcp', async request => request.mcpOAuth.expiresAt) } })
  const answer = await app.inject({ method: 'POST', url: '/mcp', headers: await signInAs(app, ann) })
  t.ok(Date.parse(answer.json()) <= Date.now() + 60_000)
})

t.test('what a handler or a tool does to it, the next request does not see', async t => {
  const mischief: Record<string, (access: any, auth: any) => unknown> = {
    'another user': access => { access.user = { email: 'root@example.com' } },
    'another e-mail': access => { access.user.email = 'root@example.com' },
    'another role': (_, auth) => { auth.extra.user.role = 'admin' },
    'another client': access => { access.client.id = 'x' },
    'more scopes': access => { access.scopes.push('admin') },
    'more scopes for tools': (_, auth) => { auth.scopes.push('admin') },
    'another resource': (_, auth) => { auth.resource.pathname = '/other' },
    'a longer life': access => { access.expiresAt.setFullYear(2999) },
    'another grant': (_, auth) => { auth.extra.grantId = 'x' },
    'another token': (_, auth) => { auth.token = 'x' }
  }
  const seen: string[] = []
  const app = await guardedApp(t, {
    revalidateAfter: 60,
    after: app => {
      app.post<{ Body: { what: string } }>('/mcp', async request => {
        seen.push(JSON.stringify([request.mcpOAuth, authInfo(request)]))
        try {
          mischief[request.body.what]?.(request.mcpOAuth, authInfo(request))
        } catch (error) {
          if (!(error instanceof TypeError)) throw error
        }
      })
    }
  })
  const headers = await signInAs(app, { ...ann, role: 'user' })
  for (const what of [...Object.keys(mischief), 'nothing']) {
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers, payload: { what } })).statusCode, 200)
    t.equal(seen.at(-1), seen[0], `before: ${what}`)
  }
  t.equal(seen.length, Object.keys(mischief).length + 1)
  t.match(seen[0], /"email":"ann@example\.com"/)
})

t.test('W5: two people at once are not mixed up', async t => {
  const app = await guardedApp(t, {
    after: app => {
      app.post<{ Body: { wait: number } }>('/mcp', async request => {
        await new Promise(resolve => { setTimeout(resolve, request.body.wait) })
        return { email: request.mcpOAuth.user.email, tool: authInfo(request)?.extra.user.email }
      })
    }
  })
  const people = await Promise.all(['ann', 'bob', 'cleo'].map(async name => ({ email: `${name}@example.com`, headers: await signInAs(app, { email: `${name}@example.com` }) })))
  const calls = Array.from({ length: 15 }, (_, index) => ({ ...people[index % 3], wait: (index * 7) % 5 }))
  await Promise.all(calls.map(async ({ email, headers = {}, wait }) => {
    const answer = await app.inject({ method: 'POST', url: '/mcp', headers, payload: { wait } })
    t.strictSame(answer.json(), { email, tool: email })
  }))
})
