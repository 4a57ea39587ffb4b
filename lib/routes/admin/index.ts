import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { connectedClients } from '../../grants/connections.ts'
import { originOf } from '../../guard/origin.ts'
import { parameter, parseParameters, requiredParameter, type Parameters } from '../../oauth/parameters.ts'
import { clientPage, clientsPage } from '../../pages/admin/clients.ts'
import { confirmPage } from '../../pages/admin/confirm.ts'
import type { AdminContext, Listed } from '../../pages/admin/frame.ts'
import { trailPage } from '../../pages/admin/trail.ts'
import { userPage, usersPage } from '../../pages/admin/users.ts'
import type { Page } from '../../pages/layout.ts'
import { signInPage } from '../../pages/sign-in.ts'
import { wordsFor, type Words } from '../../pages/words/index.ts'
import type { AuthorizationServer } from '../../server.ts'
import type { PageRequest } from '../../storage/records.ts'
import { formOf } from '../body.ts'
import { browserSecret, keepBrowserSecret } from '../cookies.ts'
import { queryOf } from '../query.ts'
import { sendPage } from '../reply.ts'
import { openForm, sealForm } from '../sealed-form.ts'
import { requireCsrf, signedInUser, signOut, type SignedInUser } from '../session.ts'
import { beginSignIn, chosenProvider } from '../sign-in.ts'
import { changeOf, gone, type Change } from './changes.ts'
import { findTrail } from './trail.ts'

/** For how long after a sign-in changes need no other one, in milliseconds. */
const freshness = 300_000

/** How many rows a page of a list has. */
const pageSize = 50

/** In bytes: what came as a form of 64 KiB at most waits in a sealed one, which is a third larger. */
const waitingLimit = 98_304

/** What waits for a sign-in. */
interface Waiting { pending: string | null }

function freshMinutes ({ session }: SignedInUser, now: Date): number {
  return Math.max(0, Math.ceil((session.authenticatedAt.getTime() + freshness - now.getTime()) / 60_000))
}

/** The fields of a form but for what belongs to the session. */
function fieldsOf (form: Parameters): Array<[string, string]> {
  return [...form].flatMap(([name, values]) => name === 'csrf' ? [] : values.map((value): [string, string] => [name, value]))
}

function offsetOf (query: Parameters): number {
  const given = parameter(query, 'offset') ?? '0'
  return /^\d{1,9}$/.test(given) ? Number(given) : 0
}

async function listed<Row> (query: Parameters, find: (page: PageRequest) => Promise<Row[]>): Promise<Listed<Row>> {
  const search = parameter(query, 'search') ?? ''
  const offset = offsetOf(query)
  const rows = await find({ offset, limit: pageSize + 1, ...search !== '' && { search } })
  return { rows: rows.slice(0, pageSize), search, offset, limit: pageSize, hasMore: rows.length > pageSize }
}

/** The whitelist, the clients and what they have, for administrators. */
export function adminRoutes (app: FastifyInstance, server: AuthorizationServer): void {
  const { audit, issuer, providers, routePath, scopes } = server.options
  const { storage } = server
  const path = `${routePath}/admin`

  function sendSignIn (request: FastifyRequest, reply: FastifyReply, waiting: Waiting, now: Date, words: (words: Words) => { title: string, text: string, waiting?: string[] }): FastifyReply {
    const form = { action: `${path}/sign-in`, ...sealForm(server, keepBrowserSecret(server, request, reply, 'consent'), 'admin', waiting, now) }
    return sendPage(server, request, reply, 200, spoken => signInPage({ ...words(spoken), providers: [...providers.values()], form }, spoken))
  }

  function contextOf (signedIn: SignedInUser, query: Parameters, words: Words, now: Date): AdminContext {
    const added = /^\d+\/\d+$/.exec(parameter(query, 'added') ?? '')?.[0]
    const done = query.has('done') ? words.admin.done : undefined
    return {
      path,
      email: signedIn.user.email,
      csrf: signedIn.csrf,
      freshMinutes: freshMinutes(signedIn, now),
      notice: added === undefined ? done : words.admin.imported(added),
      hasTrail: audit !== undefined
    }
  }

  /** Declares a page that only administrators see; anyone else is asked to sign in as one. */
  function page (url: string, content: (query: Parameters, signedIn: SignedInUser, now: Date) => Promise<(context: AdminContext, words: Words) => Page | Promise<Page>>): void {
    app.get(url, async (request, reply) => {
      const now = new Date()
      const query = parseParameters(queryOf(request))
      const signedIn = await signedInUser(server, request, 'admin', now)
      if (signedIn === undefined) {
        return sendSignIn(request, reply, { pending: null }, now, ({ admin }) => ({ title: admin.title, text: admin.signInText(new URL(issuer).host) }))
      }
      const build = await content(query, signedIn, now)
      const words = wordsFor(request.headers['accept-language'])
      const built = await build(contextOf(signedIn, query, words, now), words)
      return sendPage(server, request, reply, 200, () => built)
    })
  }

  page(path, async query => {
    const users = await listed(query, async request => await storage.searchUsers(request))
    return (context, words) => usersPage(context, users, words)
  })

  page(`${path}/user`, async (query, _signedIn, now) => {
    const user = await storage.findUser(requiredParameter(query, 'id'))
    if (user === undefined) throw gone()
    const connections = await connectedClients(server, user, now)
    return (context, words) => userPage(context, user, connections, scopes, words)
  })

  page(`${path}/clients`, async query => {
    const clients = await listed(query, async request => await storage.searchClients(request))
    return (context, words) => clientsPage(context, clients, words)
  })

  page(`${path}/client`, async query => {
    const client = await storage.findClient(requiredParameter(query, 'id'))
    if (client === undefined) throw gone()
    return (context, words) => clientPage(context, client, words)
  })

  if (audit !== undefined) {
    page(`${path}/trail`, async query => {
      const found = await findTrail(server, query)
      return (context, words) => trailPage(context, found, words)
    })
  }

  page(`${path}/confirm`, async (_query, { session }) => {
    const form = parseParameters(session.pending ?? '')
    const change = changeOf(server, form)
    return async (context, words) => confirmPage(
      context, { name: change.name, about: await change.about(words), fields: fieldsOf(form) }, session.isProven, words)
  })

  async function askAgain (request: FastifyRequest, reply: FastifyReply, change: Change, form: Parameters, now: Date): Promise<FastifyReply> {
    const about = await change.about(wordsFor(request.headers['accept-language']))
    const pending = new URLSearchParams(fieldsOf(form)).toString()
    return sendSignIn(request, reply, { pending }, now, ({ admin }) => ({
      title: admin.again, text: admin.againText, waiting: [`${admin.changes[change.name]}: ${about.join(', ')}`]
    }))
  }

  app.post(`${path}/changes`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const signedIn = await signedInUser(server, request, 'admin', now)
    if (signedIn === undefined) return reply.redirect(path, 303)
    requireCsrf(signedIn, parameter(form, 'csrf'))
    const change = changeOf(server, form)
    if (freshMinutes(signedIn, now) === 0) return await askAgain(request, reply, change, form, now)
    const { id, email } = signedIn.user
    const next = await change.run({ actor: { type: 'administrator', id, email }, ...originOf(request) })
    request.log.info({ userId: id, change: change.name }, 'an administrator made a change')
    return reply.redirect(path + next, 303)
  })

  app.post(`${path}/sign-in`, { bodyLimit: waitingLimit }, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const { id, content: { pending } } = openForm<Waiting>(
      server, browserSecret(server, request, 'consent'), 'admin', requiredParameter(form, 'request'), parameter(form, 'csrf'), now)
    const provider = chosenProvider(server, parameter(parseParameters(queryOf(request)), 'provider') ?? parameter(form, 'provider'))
    return await beginSignIn(server, request, reply, provider, { kind: 'admin', prompts: ['login'], maxAge: 0, loginHint: null, pending }, id, now)
  })

  app.post(`${path}/sign-out`, async (request, reply) => {
    const signedIn = await signedInUser(server, request, 'admin', new Date())
    if (signedIn !== undefined) {
      requireCsrf(signedIn, parameter(formOf(request), 'csrf'))
      await signOut(server, request, reply, signedIn)
    }
    return reply.redirect(path, 303)
  })
}
