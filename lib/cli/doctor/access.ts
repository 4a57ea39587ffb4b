import { resourceMetadataUrl } from '../../oauth/metadata.ts'
import type { Answer, UpstreamCall } from '../../providers/upstream.ts'
import { NotCheckedError, ok, problem, warning, type Check, type Shared, type Verdict } from './finding.ts'
import type { Front, Resource } from './server.ts'
import { header, objectIn, strange, type Site } from './site.ts'

/** What a web client sends from: the MCP Inspector's page, which may call unless `cors.origins` says otherwise. */
export const inspectorOrigin = 'http://localhost:6274'

/** A page that hides where it comes from. */
const hidden = 'null'

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
/** It changes nothing, should the door be open. */
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })

function knock (headers: Readonly<Record<string, string>> = {}): Partial<UpstreamCall> {
  return { method: 'POST', headers: { ...json, ...headers }, body }
}

const open = 'Name the route under protect, in the server that answers here. What the log calls "fastify-mcp-oauth protects" is all that is protected.'

/** RFC 9728 §5.1. */
async function challenge ({ site, url }: Resource): Promise<Verdict> {
  const answer = await site.ask(url, knock())
  if (answer.status >= 200 && answer.status < 300) return problem(`${url} answers ${answer.status} without a token: it is open to all`, open)
  if (answer.status !== 401) throw strange(url, url, answer)
  const wanted = `resource_metadata="${resourceMetadataUrl(url)}"`
  const given = header(answer, 'www-authenticate')
  if (given?.startsWith('Bearer ') === true && given.includes(wanted)) return ok('401, and where to sign in')
  return problem(given === undefined ? '401 without WWW-Authenticate: no client finds the sign-in' : `401, but WWW-Authenticate lacks ${wanted}`,
    'Let it come through as the server sends it: no proxy and no hook may take it away, write over it, or answer in its place.')
}

/** RFC 6750 §3.1: a token that does not hold is told apart from none. */
async function isRead (site: Site, url: string, headers: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const answer = await site.ask(url, knock(headers))
  if (answer.status !== 401) throw strange(url, url, answer)
  return String(header(answer, 'www-authenticate')).includes('error="invalid_token"')
}

async function authorizationHeader ({ site, url }: Resource): Promise<Verdict> {
  if (await isRead(site, url, { authorization: 'Bearer what-is-no-token' })) return ok('tokens arrive')
  return problem('the Authorization header does not arrive', 'Let the proxy hand it on (nginx: proxy_set_header Authorization $http_authorization), and let it check no token itself.')
}

/** RFC 9700 §4.3.2: what stands in a URL is in logs and histories. */
async function tokenInQuery ({ site, url }: Resource): Promise<Verdict> {
  const asked = new URL(url)
  asked.searchParams.set('access_token', 'what-is-no-token')
  if (!await isRead(site, asked.href)) return ok('tokens in a URL count for nothing')
  return problem('a token in the URL is taken for one', 'Something in front puts it into the Authorization header: take that out.')
}

function preflight (origin: string): Partial<UpstreamCall> {
  return {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, content-type, mcp-protocol-version' }
  }
}

const allows = (value: string | undefined, origin: string) => value === '*' || value === origin
const isNamed = (list: string | undefined, name: string) => String(list).toLowerCase().split(/\s*,\s*/).includes(name)

/** What keeps a page of an origin from calling. Fetch §3.3.4. */
async function obstacle ({ ask }: Site, url: string, call: Partial<UpstreamCall>, origin: string): Promise<string | undefined> {
  const asked = await ask(url, preflight(origin))
  if (!allows(header(asked, 'access-control-allow-origin'), origin)) return 'the preflight does not allow it'
  if (asked.status < 200 || asked.status > 299) return `the preflight answers ${asked.status}`
  for (const name of ['authorization', 'content-type', 'mcp-protocol-version']) {
    if (!isNamed(header(asked, 'access-control-allow-headers'), name)) return `the preflight does not allow the header ${name}`
  }
  const answered = await ask(url, { ...call, headers: { ...call.headers, origin } })
  if (!allows(header(answered, 'access-control-allow-origin'), origin)) return 'the answer does not allow it'
  return undefined
}

const corsAdvice = 'One side alone has to speak: take what the proxy says about CORS out, and name the page in cors.origins where that is set (docs/configuration.md, Web pages).'

/** @param isAsked whether somebody has named the origin: others may be left out on purpose */
function corsVerdict (what: string, found: string | undefined, origin: string, isAsked: boolean): Verdict {
  if (found === undefined) return ok(`pages of ${origin} may call ${what}`)
  const message = `pages of ${origin} can not call ${what}: ${found}`
  return isAsked ? problem(message, corsAdvice) : warning(message, `${corsAdvice} Where it is left out on purpose, name one that may call: --origin.`)
}

/** Docs of the transport ask for it: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning */
async function refusesHidden ({ site, url }: Resource): Promise<Verdict> {
  const { status } = await site.ask(url, knock({ origin: hidden }))
  if (status === 403) return ok('a page that hides where it comes from is refused')
  return warning(`a page that hides where it comes from gets ${status}`, "Leave 'null' and '*' out of cors.origins: such pages may be anybody's. A proxy has to hand on the Origin header.")
}

/** An endpoint that is asked for nothing refuses, in words of its own. */
async function refusing ({ site, metadata }: Front, name: string, call: UpstreamCall, isOurs: (answer: Answer) => boolean): Promise<Verdict> {
  const url = metadata[`${name}_endpoint`]
  if (url === undefined && name === 'registration') return ok('it is closed')
  if (url === undefined) throw new NotCheckedError('the metadata does not name it')
  const answer = await site.ask(String(url), call)
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429 && isOurs(answer)) return ok('it is there')
  throw strange(String(url), String(url), answer)
}

const saysError = (answer: Answer) => typeof objectIn(answer)?.['error'] === 'string'
const nothing: UpstreamCall = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: '' }

/** Whether those get in who should, and the others not. Nothing is registered, and nobody is signed in. */
export function accessChecks (front: Shared<Front>, resource: Shared<Resource>, given: string | undefined): Check[] {
  const origin = given ?? inspectorOrigin
  const about = (name: string, look: (resource: Resource) => Promise<Verdict>): Check => ({ name, look: async () => await look(await resource.need()) })
  const endpoint = (name: string, call: UpstreamCall, isOurs = saysError): Check =>
    ({ name: `${name}-endpoint`, look: async () => await refusing(await front.need(), name, call, isOurs) })
  return [
    about('challenge', challenge),
    about('authorization-header', authorizationHeader),
    about('token-in-query', tokenInQuery),
    about('cors', async ({ site, url }) => corsVerdict(url, await obstacle(site, url, knock(), origin), origin, given !== undefined)),
    {
      name: 'cors-endpoints',
      look: async () => {
        const { site, metadata } = await front.need()
        const found = await obstacle(site, `${site.issuer}/.well-known/openid-configuration`, {}, origin) ??
          await obstacle(site, String(metadata['token_endpoint']), nothing, origin)
        return corsVerdict('the endpoints', found, origin, given !== undefined)
      }
    },
    about('cors-hidden', refusesHidden),
    // A page of ours says what is missing, and is never a redirect.
    endpoint('authorization', { method: 'GET' }, answer => answer.status === 400),
    endpoint('token', nothing),
    // Nobody can be sent there, so that nothing is registered.
    endpoint('registration', { method: 'POST', headers: json, body: JSON.stringify({ redirect_uris: ['about:blank'] }) })
  ]
}
