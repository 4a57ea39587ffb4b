import type { InspectableProvider } from '../../providers/types.ts'
import type { Answer } from '../../providers/upstream.ts'
import { ok, problem, skipped, type Verdict } from './finding.ts'
import { header } from './site.ts'

/**
 * What providers say of a redirect URI that they do not know: Google, Cognito, RFC 7591's word, Entra's codes.
 *
 * @see [Microsoft Entra: error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
 */
const unknownUri = /redirect_uri_mismatch|redirect_mismatch|invalid_redirect_uri|AADSTS50011(?:3|[^\d]|$)/
/** What they say in a refusal, and in the address of a sign-in page too. */
const namesUri = /redirect.?uri|callback.?url/i
const unknownClient = /invalid_client|unauthorized_client|deleted_client|AADSTS(?:700016|90002|900023)/

/** Google puts the name of an error into a parameter, encoded. */
function decoded (location: string): string {
  if (!URL.canParse(location)) return location
  const values = [...new URL(location).searchParams.values()].map(value => Buffer.from(value, 'base64').toString('latin1'))
  return [location, ...values].join('\n')
}

/** The error that the provider sends people back to us with: so it knows the way. */
function errorIn (location: string): string | undefined {
  return /[?&]error=([a-z_]{1,40})(?:&|$)/.exec(location)?.[1]
}

/** Whether the provider knows where people come back to, by how it answers an authorization request. */
export function judgeAnswer ({ name, entra }: InspectableProvider, redirectUri: string, answer: Answer): Verdict {
  const location = header(answer, 'location') ?? ''
  const isRefusal = answer.status >= 400 && answer.status < 500
  const says = `${decoded(location)}\n${answer.text ?? ''}`
  if (location.startsWith(`${redirectUri}?`)) {
    const error = errorIn(location)
    // It is nobody's fault that nobody is signed in.
    if (error === undefined || /_required$/.test(error)) return ok(`${name} knows ${redirectUri}`)
    return problem(`${name} knows ${redirectUri}, and answers ${error}`, 'Correct what it is asked for: OAUTH_SCOPES, and what the client may do at the provider.')
  }
  if (unknownUri.test(says) || (isRefusal && namesUri.test(says))) {
    return problem(`${name} does not know ${redirectUri}`, `Enter ${redirectUri} as a redirect URI of the client at the provider, to the letter (docs/providers.md).`)
  }
  if (unknownClient.test(says)) return problem(`${name} does not know the client`, 'Copy OAUTH_CLIENT_ID anew from the console of the provider, and OAUTH_ISSUER with it.')
  if (isRefusal) return problem(`${name} answers ${answer.status} to a sign-in`, 'Open /oauth/authorize by connecting a client, and read what the page of the provider says.')
  if (answer.status >= 500) return skipped(`${name} answers ${answer.status}`)
  if (entra !== undefined) return skipped(`${name} has no objection to ${redirectUri}, and may look only after a sign-in`)
  return ok(`${name} has no objection to ${redirectUri}`)
}
