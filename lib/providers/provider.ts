import type { Prompt } from '../oauth/authentication-request.ts'
import type { ProviderDefinition, SecretMethod } from './definition.ts'
import type { Metadata } from './discovery.ts'
import { createDiscovery } from './discovery.ts'
import type { VerifiedIdToken } from './id-token.ts'
import { textClaim, toIdentity } from './identity.ts'
import { combinePrompts } from './prompt.ts'
import { chooseSecretMethod, exchangeCode, refusalOf } from './token-request.ts'
import type { Identity, InspectableProvider, ProviderInspection, UpstreamRequest, UpstreamResponse } from './types.ts'
import { ProviderError } from './types.ts'
import type { Claims } from './upstream.ts'
import { getJson } from './upstream.ts'

function untrusted (message: string): ProviderError {
  return new ProviderError('untrusted', message)
}

/** The one sign-in that all providers share: OpenID Connect's code flow with PKCE. */
export function createProvider (definition: ProviderDefinition): InspectableProvider {
  const { id, name, mark, emailDomains, entra, clientId, scopes, issuers, standardize = (userinfo) => userinfo } = definition
  const discoverAt = createDiscovery(issuers.isDocumentIssuer)

  const discover = (): Promise<Metadata> => discoverAt(issuers.locate(''))

  async function promptFor (asked: readonly Prompt[]): Promise<string | undefined> {
    const { prompt, prompts } = definition
    if (prompt === false) return undefined
    if (prompt !== undefined && asked.length === 0) return prompt
    // OpenID Connect Core §15.1: who lists nothing knows `login`.
    const known = prompts ?? await listedPrompts() ?? ['login']
    return combinePrompts(prompt ?? known.find(value => value === 'select_account'), asked, known)
  }

  async function listedPrompts (): Promise<readonly string[] | undefined> {
    const { promptValues } = await discover()
    return promptValues.length === 0 ? undefined : promptValues
  }

  async function authorizationEndpoint (): Promise<string> {
    const url = definition.authorizationUrl ?? (await discover()).authorizationEndpoint
    if (url === undefined) throw untrusted('the discovery document names no authorization_endpoint')
    return url
  }

  async function tokenEndpoint (): Promise<string> {
    const url = definition.tokenUrl ?? (await discover()).tokenEndpoint
    if (url === undefined) throw untrusted('the discovery document names no token_endpoint')
    return url
  }

  /** RFC 9207 §2.4. What the document says about `iss` holds for the document's own authorization endpoint. */
  async function checkResponseIssuer (iss: string | undefined): Promise<void> {
    if (iss !== undefined && !issuers.isResponseIssuer(iss)) throw untrusted('the authorization response is of another issuer')
    if (iss !== undefined || definition.authorizationUrl !== undefined) return
    const { sendsIssuer } = await discover()
    if (sendsIssuer) throw untrusted('the authorization response lacks its issuer')
  }

  async function secretMethod (): Promise<SecretMethod | undefined> {
    if (definition.clientSecret === undefined) return undefined
    return definition.secretMethod ?? chooseSecretMethod((await discover()).tokenEndpointAuthMethods)
  }

  async function askUserinfo (accessToken: unknown): Promise<Claims | undefined> {
    const url = definition.userinfoUrl ?? (await discover()).userinfoEndpoint
    if (url === undefined) return undefined
    if (typeof accessToken !== 'string' || !/^[\x21-\x7e]+$/.test(accessToken)) throw untrusted('the token answer has no usable access_token')
    return standardize(await getJson(url, { authorization: `Bearer ${accessToken}` }))
  }

  async function identifyByIdToken ({ issuer, claims }: VerifiedIdToken, accessToken: unknown): Promise<Identity> {
    if (textClaim(claims, 'email') !== undefined) return toIdentity({ issuer, idToken: claims, profile: claims }, definition)
    const userinfo = await askUserinfo(accessToken)
    if (userinfo === undefined) return toIdentity({ issuer, idToken: claims, profile: claims }, definition)
    // OpenID Connect Core §5.3.2: somebody else's profile must not be used. Graph's own has `oid` in place of `sub`.
    const common = 'sub' in userinfo ? 'sub' : definition.subjectClaim
    if (userinfo[common] !== claims[common]) throw untrusted('the userinfo endpoint speaks of another subject')
    return toIdentity({ issuer, idToken: claims, profile: userinfo }, definition)
  }

  async function identifyByUserinfo (accessToken: unknown): Promise<Identity> {
    const issuer = issuers.withoutIdToken ?? (await discover()).issuer
    const profile = await askUserinfo(accessToken)
    if (profile === undefined) throw untrusted('neither an id_token nor a userinfo endpoint says who signed in')
    return toIdentity({ issuer, idToken: undefined, profile }, definition)
  }

  return Object.freeze({
    id,
    name,
    ...(mark !== undefined && { mark }),
    ...(emailDomains !== undefined && { emailDomains }),
    ...(entra !== undefined && { entra }),

    async authorizationUrl ({ redirectUri, state, nonce, codeChallenge, prompts, maxAge, loginHint }: UpstreamRequest): Promise<string> {
      const url = new URL(await authorizationEndpoint())
      const prompt = await promptFor(prompts)
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state,
        nonce,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
        ...(prompt !== undefined && { prompt }),
        ...(maxAge !== null && { max_age: String(maxAge) }),
        ...(loginHint !== null && { login_hint: loginHint })
      }
      for (const [parameter, value] of Object.entries(parameters)) url.searchParams.set(parameter, value)
      return url.href
    },

    async identify (response: UpstreamResponse): Promise<Identity> {
      const { issuer: iss, nonce } = response
      await checkResponseIssuer(iss)
      const { id_token: idToken, access_token: accessToken } = await exchangeCode(await tokenEndpoint(), definition, await secretMethod(), response)
      if (idToken === undefined || !issuers.known) return identifyByUserinfo(accessToken)
      const { verifyIdToken } = await import('./id-token.ts')
      // One that does not verify ends the sign-in: the userinfo endpoint knows no nonce.
      const verified = await verifyIdToken(idToken, { clientId, nonce, issuers, discover: discoverAt })
      if (iss !== undefined && iss !== verified.issuer) throw untrusted('the authorization response and the id_token are of different issuers')
      return identifyByIdToken(verified, accessToken)
    },

    async inspect (): Promise<ProviderInspection> {
      await authorizationEndpoint()
      await tokenEndpoint()
      if (!issuers.known || issuers.fromIdToken === true) return { issuer: undefined, keyCount: 0 }
      const { issuer, keys } = await discover()
      await keys.reload()
      return { issuer, keyCount: Number(keys.jwks()?.keys.length) }
    },

    async redeemNothing (redirectUri: string): Promise<string | undefined> {
      return await refusalOf(await tokenEndpoint(), definition, await secretMethod(), redirectUri)
    }
  })
}
