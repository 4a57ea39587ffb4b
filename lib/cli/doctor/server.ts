import type { Environment } from '../../env-values.ts'
import { resourceMetadataUrl } from '../../oauth/metadata.ts'
import type { Answer, Claims } from '../../providers/upstream.ts'
import { compareClocks, timed, timeOf, type Span } from './clock.ts'
import { NotCheckedError, ok, problem, shared, skipped, warning, type Check, type Shared, type Verdict } from './finding.ts'
import { documentAt, siteOf, type Site } from './site.ts'

/** The server, and what it says about itself. */
export interface Front {
  site: Site
  metadata: Claims
  answer: Answer
  span: Span
}

/** What it says about the resource that is knocked at. */
export interface Resource {
  site: Site
  url: string
}

const unchanged = 'Start the server with the same OAUTH_SERVER_URL as here, to the letter; no proxy may change what it answers.'

/** @param server where to ask, in the place of the public URL */
export function findSite (env: Environment, server: string | undefined): Shared<Site> {
  return shared('there is no usable OAUTH_SERVER_URL', async () => siteOf(env, server))
}

export function findFront (site: Shared<Site>): Shared<Front> {
  return shared('the server does not answer as it should', async () => {
    const found = await site.need()
    const { origin, pathname } = new URL(found.issuer)
    const { document, answer, ...span } = await timed(async () =>
      await documentAt(found, 'the metadata', `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`))
    return { site: found, metadata: document, answer, span }
  })
}

/** @param url of the resource; where absent, the one that the server names first */
export function findResource (front: Shared<Front>, url: string | undefined): Shared<Resource> {
  return shared('the server names no resource', async () => {
    const { site } = await front.need()
    if (url !== undefined) return { site, url }
    const root = `${new URL(site.issuer).origin}/.well-known/oauth-protected-resource`
    const { document } = await documentAt(site, 'the metadata of the resource', root)
    return { site, url: String(document['resource']) }
  })
}

/** RFC 8414 §3.3: clients refuse a document of another issuer. */
function identity ({ site, metadata }: Front): Verdict {
  if (metadata['issuer'] === site.issuer) return ok(`it answers as ${site.issuer}`)
  return problem(`it says that it is ${JSON.stringify(metadata['issuer'])}, not ${site.issuer}`, unchanged)
}

function isList (value: unknown, member: string): boolean {
  return Array.isArray(value) && value.includes(member)
}

async function metadata ({ site, metadata }: Front): Promise<Verdict> {
  const { document: openid } = await documentAt(site, 'openid-configuration', `${site.issuer}/.well-known/openid-configuration`)
  const { origin } = new URL(site.issuer)
  const endpoints = Object.entries(metadata).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
  const elsewhere = endpoints.filter(([, url]) => !String(url).startsWith(`${origin}/`)).map(([name]) => name)
  const missing = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'].filter(name => metadata[name] === undefined)
  if (missing.length > 0) return problem(`${missing.join(', ')}: missing`, unchanged)
  if (elsewhere.length > 0) return problem(`${elsewhere.join(', ')}: not below ${origin}`, unchanged)
  if (openid['issuer'] !== metadata['issuer']) return problem('openid-configuration names another issuer', unchanged)
  if (!isList(metadata['code_challenge_methods_supported'], 'S256')) return problem('PKCE by S256 is not offered: clients go no further', unchanged)
  return ok('both documents are there, with endpoints of this server and PKCE')
}

async function publishedKeys ({ site, metadata }: Front): Promise<Verdict> {
  const { document: { keys } } = await documentAt(site, 'jwks_uri', String(metadata['jwks_uri']))
  if (Array.isArray(keys) && keys.length > 0) return ok(`to verify tokens with: ${keys.length}`)
  return problem('there are none', 'The server makes them at its start, in its database: look at its log.')
}

/** By plain http, what is sent can be read on the way. */
async function plainHttp ({ site }: Front): Promise<Verdict> {
  const { protocol, port, host, pathname } = new URL(site.issuer)
  if (protocol === 'http:') return ok('the server is for this machine only')
  if (port !== '') return skipped('a URL with a port has no counterpart by http')
  const { status } = await site.ask(`http://${host}${pathname}`).catch(() => { throw new NotCheckedError('nothing answers by http') })
  if (status >= 300 && status < 400) return ok('http leads to https')
  if (status >= 400) return ok('nothing is served by http')
  return warning(`http://${host} answers ${status} instead of leading to https`, 'Let the proxy redirect http to https, or close port 80.')
}

/** RFC 9728 §3.3: clients refuse a document of another resource. */
async function describeResource ({ site, url }: Resource): Promise<Verdict> {
  if (!URL.canParse(url)) return problem('its metadata names no resource', unchanged)
  const { document } = await documentAt(site, 'the metadata of the resource', resourceMetadataUrl(url))
  if (document['resource'] !== url) return problem(`the metadata of ${url} is of ${JSON.stringify(document['resource'])}`, 'Name a resource as the server does: its option resource.')
  if (isList(document['authorization_servers'], site.issuer)) return ok(url)
  return problem(`${url} sends people to another authorization server than ${site.issuer}`, unchanged)
}

/** The server as it is known outside, asked as a client asks. */
export function serverChecks (front: Shared<Front>, resource: Shared<Resource>): Check[] {
  const about = (name: string, look: (front: Front) => Promise<Verdict>): Check => ({ name, look: async () => await look(await front.need()) })
  return [
    { name: 'server', look: async () => identity(await front.find()) },
    about('server-clock', async ({ answer, span }) => compareClocks('the server', timeOf(answer), span, 1000)),
    about('plain-http', plainHttp),
    about('metadata', metadata),
    about('published-keys', publishedKeys),
    { name: 'resource', look: async () => await describeResource(await resource.find()) }
  ]
}
