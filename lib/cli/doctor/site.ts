import { checkIssuer } from '../../check-url.ts'
import { read, type Environment } from '../../env-values.ts'
import { send, type Answer, type Claims, type UpstreamCall } from '../../providers/upstream.ts'
import { ProblemError } from './finding.ts'

/** The server, as those who ask it know it, and where it is asked. */
export interface Site {
  issuer: string
  /** @param url as clients know it */
  ask: (url: string, call?: Partial<UpstreamCall>) => Promise<Answer>
}

/**
 * The site that the environment names.
 *
 * @param server where to ask in the place of the public URL; without `OAUTH_SERVER_URL`, it is taken for that
 * @throws {InvalidOptionError} where that can be no issuer.
 */
export function siteOf (env: Environment, server: string | undefined): Site {
  const { origin, host, href } = checkIssuer(read(env, 'OAUTH_SERVER_URL') ?? server)
  const address = server === undefined ? origin : new URL(server).origin
  return {
    issuer: href.replace(/\/$/, ''),
    async ask (url, { headers, ...call } = {}) {
      const asked = new URL(url)
      if (asked.origin !== origin || address === origin) return await send(asked, { method: 'GET', headers, ...call })
      // Under its public name, as a proxy would ask it.
      return await send(new URL(address + asked.pathname + asked.search), { method: 'GET', headers: { ...headers, host }, ...call })
    }
  }
}

/** A header's value; several are told apart from one. */
export function header ({ headers }: Answer, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Where a redirect leads, without what a query may hold. */
function target (answer: Answer, url: string): string {
  const location = header(answer, 'location') ?? ''
  if (!URL.canParse(location, url)) return 'nowhere'
  const { origin, pathname } = new URL(location, url)
  return origin + pathname
}

function isObject (value: unknown): value is Claims {
  return value instanceof Object && !Array.isArray(value)
}

/** The JSON object in an answer, whatever its status; undefined where there is none. */
export function objectIn ({ text }: Answer): Claims | undefined {
  try {
    const value: unknown = JSON.parse(String(text))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const path = 'Let the proxy hand on /.well-known/, /oauth/ and the protected routes to the server, with the path as it was asked for.'

/**
 * What answers there in the place of the server.
 *
 * @param name what was asked for
 */
export function strange (name: string, url: string, answer: Answer): ProblemError {
  const { status } = answer
  if (status >= 300 && status < 400) {
    return new ProblemError(`${name} answers ${status}, to ${target(answer, url)}`, 'Clients do not follow that: let OAUTH_SERVER_URL be where it leads, or take the redirect out of the proxy.')
  }
  const what = /html/.test(String(header(answer, 'content-type'))) ? ' with a page of HTML, by something in front or by another application' : ''
  if (status === 429) return new ProblemError(`${name} answers 429${what}: too many requests`, 'Wait for a minute. Where it comes again, TRUST_PROXY is missing, or the proxy has a limit of its own.')
  if (status >= 500) return new ProblemError(`${name} answers ${status}${what}`, 'The server or its database is down, or the proxy does not reach it: look at the logs of both.')
  return new ProblemError(`${name} answers ${status}${what}`, path)
}

/**
 * The JSON document at an address.
 *
 * @throws {ProblemError} where something else is there.
 */
export async function documentAt ({ ask }: Site, name: string, url: string): Promise<{ document: Claims, answer: Answer }> {
  const answer = await ask(url)
  const document = objectIn(answer)
  if (answer.status !== 200 || document === undefined) throw strange(name, url, answer)
  return { document, answer }
}
