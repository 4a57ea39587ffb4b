import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { administration } from '../administration.ts'
import { OAuthError } from '../errors.ts'
import { connectedClients } from '../grants/connections.ts'
import { originOf } from '../guard/origin.ts'
import { parameter, parseParameters, requiredParameter } from '../oauth/parameters.ts'
import { accountPage } from '../pages/account.ts'
import { signInPage } from '../pages/sign-in.ts'
import { ownTrailPage } from '../pages/trail.ts'
import type { AuthorizationServer } from '../server.ts'
import { formOf } from './body.ts'
import { browserSecret, keepBrowserSecret } from './cookies.ts'
import { queryOf } from './query.ts'
import { sendPage } from './reply.ts'
import { openForm, sealForm } from './sealed-form.ts'
import { requireCsrf, signedInUser, signOut } from './session.ts'
import { beginSignIn, chosenProvider } from './sign-in.ts'
import { readOwnTrail } from './trail.ts'

/** What a person has connected, and how to end it: a page for each of them. */
export function accountRoutes (app: FastifyInstance, server: AuthorizationServer): void {
  const { audit, issuer, providers, routePath, scopes } = server.options
  const path = `${routePath}/account`

  function sendSignIn (request: FastifyRequest, reply: FastifyReply, now: Date): FastifyReply {
    const form = { action: `${path}/sign-in`, ...sealForm(server, keepBrowserSecret(server, request, reply, 'consent'), 'account', {}, now) }
    return sendPage(server, request, reply, 200, words => signInPage({
      title: words.account.signInTitle, text: words.account.signInText(new URL(issuer).host), providers: [...providers.values()], form
    }, words))
  }

  app.get(path, async (request, reply) => {
    const now = new Date()
    const signedIn = await signedInUser(server, request, 'account', now)
    if (signedIn === undefined) return sendSignIn(request, reply, now)
    const content = {
      email: signedIn.user.email,
      connections: await connectedClients(server, signedIn.user, now),
      scopes,
      hasEnded: parseParameters(queryOf(request)).has('ended'),
      path,
      hasTrail: audit !== undefined,
      csrf: signedIn.csrf
    }
    return sendPage(server, request, reply, 200, words => accountPage(content, words))
  })

  if (audit !== undefined) {
    app.get(`${path}/trail`, async (request, reply) => {
      const now = new Date()
      const signedIn = await signedInUser(server, request, 'account', now)
      if (signedIn === undefined) return sendSignIn(request, reply, now)
      // Whose it is, the session says, whatever the query does.
      const trail = await readOwnTrail(server, parseParameters(queryOf(request)), signedIn.user)
      return sendPage(server, request, reply, 200, words => ownTrailPage({ user: signedIn.user, trail, path }, words))
    })
  }

  app.post(`${path}/sign-in`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const { id } = openForm(server, browserSecret(server, request, 'consent'), 'account', requiredParameter(form, 'request'), parameter(form, 'csrf'), now)
    const provider = chosenProvider(server, parameter(parseParameters(queryOf(request)), 'provider') ?? parameter(form, 'provider'))
    return await beginSignIn(server, request, reply, provider, { kind: 'account', prompts: [], maxAge: null, loginHint: null, pending: null }, id, now)
  })

  app.post(`${path}/end`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const signedIn = await signedInUser(server, request, 'account', now)
    if (signedIn === undefined) return reply.redirect(path, 303)
    requireCsrf(signedIn, parameter(form, 'csrf'))
    const clientId = parameter(form, 'client')
    if (clientId === undefined && parameter(form, 'all') !== 'yes') throw new OAuthError('invalid_request', 'The parameter client is missing')
    const { id, email } = signedIn.user
    const ended = await administration(server, { actor: { type: 'user', id, email }, ...originOf(request) }).grants.revokeAll(id, clientId)
    request.log.info({ userId: id, clientId, ended }, 'a user ended connections')
    return reply.redirect(`${path}?ended=yes`, 303)
  })

  app.post(`${path}/sign-out`, async (request, reply) => {
    const signedIn = await signedInUser(server, request, 'account', new Date())
    if (signedIn !== undefined) {
      requireCsrf(signedIn, parameter(formOf(request), 'csrf'))
      await signOut(server, request, reply, signedIn)
    }
    return reply.redirect(path, 303)
  })
}
