import type { Evidence, IssuerRule } from './definition.ts'
import type { CommonDefinition, ProviderOptions } from './options.ts'
import { OptionReader, lowerCase } from './options.ts'
import { createProvider } from './provider.ts'
import type { InspectableProvider } from './types.ts'
import { ProviderError } from './types.ts'
import type { Claims } from './upstream.ts'

/** For `microsoft()`. `issuer` is `<cloud>/<tenant>/v2.0`, for sovereign clouds such as `https://login.microsoftonline.us`. */
export interface MicrosoftOptions extends ProviderOptions {
  /**
   * Who may come: a tenant's id or one of its domains, `organizations`, `consumers`, or `common` for all of them. The e-mails of one fixed tenant
   * count; of others only where the id_token says so by `xms_edov`, an optional claim of the app registration.
   *
   * @default what `issuer`, `authorizationUrl` or `tokenUrl` say, else 'common'
   * @see [Microsoft: endpoints](https://learn.microsoft.com/entra/identity-platform/v2-protocols#endpoints)
   */
  tenant?: string
  /**
   * The ids of the tenants whose people may come, and whose e-mails you trust.
   *
   * @default any
   */
  tenants?: readonly string[]
}

interface Place { cloud: string, tenant: string }

const globalCloud = 'https://login.microsoftonline.com'
/** Where personal accounts live: a tenant of everybody, so none whose e-mails count by themselves. */
const consumersTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'
const graph = 'https://graph.microsoft.com/v1.0/me'
const openTenants = ['common', 'organizations']
const manyTenants = [...openTenants, 'consumers']
/** How `xms_edov` says yes, depending on the age of the app registration. */
const verifiedMarks: readonly unknown[] = [true, 'true', 1, '1']
const guid = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}'
const tenantId = new RegExp(`^${guid}$`)
const tenantName = new RegExp(`^(?:${guid}|${manyTenants.join('|')}|(?:[a-z\\d-]+\\.)+[a-z\\d-]+)$`)
const statedPlace = /^(https?:\/\/[^/]+)\/([^/]+)\/(?:oauth2\/v2\.0\/(?:authorize|token)|v2\.0)(?:\?|$)/

/** Cloud and tenant as an address says them. */
function placeIn (address: string | undefined): Place[] {
  const [, cloud, tenant] = statedPlace.exec(address ?? '') ?? []
  return cloud === undefined || tenant === undefined ? [] : [{ cloud: cloud.toLowerCase(), tenant: tenant.toLowerCase() }]
}

function readPlace (read: OptionReader, { issuer, authorizationUrl, tokenUrl }: CommonDefinition): Place {
  const hint = 'must be a tenant id, a domain, common, organizations or consumers'
  const chosen = read.text('tenant', new RegExp(tenantName, 'i'), hint)?.toLowerCase()
  if (issuer !== undefined && placeIn(issuer).length === 0) read.fail('issuer', `must look like ${globalCloud}/<tenant>/v2.0`)

  const stated = [issuer, authorizationUrl, tokenUrl].flatMap(placeIn)
  const [{ cloud, tenant } = { cloud: globalCloud, tenant: chosen ?? 'common' }] = stated
  if (!tenantName.test(tenant)) read.fail('tenant', `${hint}; an address names ${tenant}`)
  if (stated.some((other) => other.cloud !== cloud || other.tenant !== tenant) || (chosen ?? tenant) !== tenant) {
    read.fail('tenant', 'is not the one in issuer, authorizationUrl or tokenUrl; all must name the same')
  }
  return { cloud, tenant: tenant === consumersTenant ? 'consumers' : tenant }
}

/** The tenant that an issuer of this cloud stands for. */
function tenantOf (issuer: string, cloud: string): string | undefined {
  const tenant = issuer.slice(cloud.length + 1, -'/v2.0'.length)
  return tenantId.test(tenant) && issuer === `${cloud}/${tenant}/v2.0` ? tenant : undefined
}

/** An id_token names the tenant's own id, by whatever name the sign-in went. */
function issuerRule ({ cloud, tenant }: Place): IssuerRule {
  const location = `${cloud}/${tenant}/v2.0`
  const known = tenantId.test(tenant)
  const isTenant = (issuer: string) => known ? issuer === location : tenantOf(issuer, cloud) !== undefined
  return {
    known: true,
    locate: () => location,
    // Only where all may come may the document leave the tenant open.
    isDocumentIssuer: openTenants.includes(tenant) ? (issuer) => issuer === `${cloud}/{tenantid}/v2.0` : isTenant,
    isResponseIssuer: isTenant,
    ...(known && { withoutIdToken: location })
  }
}

/** Whether the tenant that a person comes from answers for the e-mail, or Entra itself: `xms_edov`, e-mail domain owner verified. */
function tenantTrust ({ cloud, tenant }: Place, tenants: readonly string[] | undefined): (evidence: Evidence) => boolean {
  return function vouches ({ issuer, idToken, profile }) {
    const tid = tenantOf(issuer, cloud)
    if (tid === undefined) throw new ProviderError('untrusted', 'without an id_token, nothing tells the tenant')
    if (idToken !== undefined && idToken['tid'] !== tid) throw new ProviderError('untrusted', 'the id_token is of another tenant than its issuer')
    if (tenants !== undefined && !tenants.includes(tid)) throw new ProviderError('untrusted', `the tenant ${tid} is not one of tenants`)
    if (tid !== consumersTenant && (tenants !== undefined || !manyTenants.includes(tenant))) return true
    // Graph's mail has no such mark.
    return profile === idToken && verifiedMarks.includes(profile['xms_edov'])
  }
}

/** Graph's `/me`. Its `userPrincipalName` looks like an e-mail and is none. */
function standardize (userinfo: Claims): Claims {
  if ('sub' in userinfo) return userinfo
  return { oid: userinfo['id'], name: userinfo['displayName'], email: userinfo['mail'] }
}

/**
 * Sign-in with Microsoft Entra ID. People are known by tenant and object id (`tid`, `oid`), never by what looks like an e-mail.
 *
 * @throws {InvalidOptionError}
 * @see [Microsoft: id_token claims](https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference)
 */
export function microsoft (options: MicrosoftOptions): InspectableProvider {
  const read: OptionReader = new OptionReader('microsoft', options, ['tenant', 'tenants'])
  const common = read.common({ id: 'microsoft', name: 'Microsoft', prompt: 'select_account' })
  const place = readPlace(read, common)
  const tenants = read.list('tenants', tenantId, 'must hold tenant ids such as 11111111-2222-3333-4444-555555555555', lowerCase)
  if (manyTenants.includes(place.tenant) && !common.scopes.includes('openid')) {
    read.fail('scopes', `must hold openid: under ${place.tenant} only an id_token tells whose e-mail it is`)
  }
  return createProvider({
    ...common,
    mark: 'microsoft',
    userinfoUrl: common.userinfoUrl ?? (place.cloud === globalCloud ? graph : undefined),
    issuers: issuerRule(place),
    entra: { tenant: place.tenant, tenants },
    secretMethod: 'client_secret_post',
    // Not `consent`: where a tenant leaves that to its administrators, Entra then lets nobody in. Our own page has asked.
    prompts: ['login', 'select_account'],
    subjectClaim: 'oid',
    standardize,
    vouches: tenantTrust(place, tenants)
  })
}
