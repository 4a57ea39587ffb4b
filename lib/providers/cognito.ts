import type { IssuerRule, ProviderDefinition } from './definition.ts'
import { exactIssuer } from './definition.ts'
import type { ProviderOptions } from './options.ts'
import { OptionReader } from './options.ts'
import { createProvider } from './provider.ts'
import type { InspectableProvider } from './types.ts'
import { ProviderError } from './types.ts'

/**
 * For `cognito()`: `region` and `userPoolId` (with `domain`, or without: then discovery tells the endpoints), or `authorizationUrl`,
 * `tokenUrl` and `userinfoUrl` as the AWS console shows them.
 */
export interface CognitoOptions extends ProviderOptions {
  /** The AWS region of the user pool, such as `eu-west-1`. */
  region?: string
  /** Such as `eu-west-1_AbCdEfGhI`. With it, every id_token is verified. */
  userPoolId?: string
  /** The prefix of the pool's Cognito domain, or a whole custom domain such as `auth.example.com`. */
  domain?: string
}

type Endpoints = Pick<ProviderDefinition, 'authorizationUrl' | 'tokenUrl' | 'userinfoUrl'>
interface Pool { region: string | undefined, userPoolId: string | undefined, domain: string | undefined }

const hostedDomain = /^https:\/\/[a-z\d-]+\.auth(?:-fips)?\.([a-z\d-]+)\.amazoncognito\.com\//

/**
 * A user pool whose id is not known. Under a Cognito domain it must be one of that region; under a custom domain nothing tells where
 * the keys lie, so that the userinfo endpoint has to serve.
 */
function somePool (read: OptionReader, { authorizationUrl, tokenUrl, userinfoUrl }: Endpoints): IssuerRule {
  if (authorizationUrl === undefined || tokenUrl === undefined || userinfoUrl === undefined) {
    return read.fail('userPoolId', 'is missing; give region and userPoolId, or authorizationUrl, tokenUrl and userinfoUrl')
  }
  const region = hostedDomain.exec(tokenUrl)?.[1]
  const pool = new RegExp(`^https://cognito-idp\\.${region}\\.amazonaws\\.com/${region}_[A-Za-z0-9]+$`)
  return {
    known: region !== undefined,
    fromIdToken: true,
    locate (iss) {
      if (pool.test(iss)) return iss
      throw new ProviderError('untrusted', `the id_token is not of a user pool in ${region}`)
    },
    isDocumentIssuer: (issuer, location) => issuer === location,
    isResponseIssuer: (iss) => pool.test(iss),
    withoutIdToken: new URL(tokenUrl).origin
  }
}

function readPool (read: OptionReader): Pool {
  const region = read.text('region', /^[a-z]{2}(?:-[a-z]+)+-\d$/, 'must be an AWS region such as eu-west-1')
  const userPoolId = read.text('userPoolId', /^[a-z\d-]+_[A-Za-z\d]+$/, 'must be the id of the user pool, such as eu-west-1_AbCdEfGhI')
  const domain = read.text('domain', /^(?:[a-z\d-]+\.)*[a-z\d-]+$/, 'must be the prefix of the Cognito domain, or a host name, without https://')
  if (userPoolId !== undefined && userPoolId.split('_')[0] !== region) read.fail('region', `must be the first part of userPoolId ${userPoolId}`)
  if (domain?.includes('.') === false && region === undefined) read.fail('region', 'is missing; the domain prefix needs it')
  return { region, userPoolId, domain }
}

function endpointsBase ({ region, domain }: Pool): string | undefined {
  if (domain === undefined) return undefined
  return domain.includes('.') ? `https://${domain}/oauth2` : `https://${domain}.auth.${region}.amazoncognito.com/oauth2`
}

/**
 * Sign-in with an Amazon Cognito user pool. An e-mail counts where `email_verified` is true, or the string `"true"`, which Cognito's
 * userinfo endpoint sends.
 *
 * @throws {InvalidOptionError}
 * @see [Amazon Cognito: user pool endpoints](https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html)
 */
export function cognito (options: CognitoOptions): InspectableProvider {
  const read = new OptionReader('cognito', options, ['region', 'userPoolId', 'domain'])
  const common = read.common({ id: 'cognito', name: 'Cognito', prompt: 'select_account' })
  const pool = readPool(read)
  const base = endpointsBase(pool)
  const endpoints = {
    authorizationUrl: common.authorizationUrl ?? (base && `${base}/authorize`),
    tokenUrl: common.tokenUrl ?? (base && `${base}/token`),
    userinfoUrl: common.userinfoUrl ?? (base && `${base}/userInfo`)
  }
  const issuer = common.issuer ?? (pool.userPoolId && `https://cognito-idp.${pool.region}.amazonaws.com/${pool.userPoolId}`)
  return createProvider({
    ...common,
    mark: 'cognito',
    ...endpoints,
    issuers: issuer === undefined ? somePool(read, endpoints) : exactIssuer(issuer),
    secretMethod: 'client_secret_post',
    prompts: ['login', 'consent', 'select_account'],
    subjectClaim: 'sub',
    vouches: ({ profile }) => profile['email_verified'] === true || profile['email_verified'] === 'true'
  })
}
