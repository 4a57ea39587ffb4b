import { providerFromEnv } from '../../env.ts'
import { read, type Environment } from '../../env-values.ts'
import { randomSecret } from '../../keys/secrets.ts'
import type { EntraTenancy, InspectableProvider, ProviderInspection } from '../../providers/types.ts'
import { send, type Answer } from '../../providers/upstream.ts'
import { compareClocks, timed, timeOf } from './clock.ts'
import { NotCheckedError, ok, problem, shared, skipped, warning, type Check, type Shared, type Verdict } from './finding.ts'
import { judgeAnswer } from './redirect-uri.ts'
import type { Front } from './server.ts'
import type { Site } from './site.ts'

/** Whatever names a provider: a typing error must not look like none. */
function isConfigured (env: Environment): boolean {
  return Object.keys(env).some(name => name.startsWith('OAUTH_') && name !== 'OAUTH_SERVER_URL' && read(env, name) !== undefined)
}

function describe ({ name }: InspectableProvider, { issuer, keyCount }: ProviderInspection): Verdict {
  if (issuer === undefined) return ok(`${name} has its endpoints; whose id_tokens count, only a sign-in shows`)
  if (keyCount === 0) return problem(`${issuer} publishes no keys`, 'Look at the console of the provider: without keys, nobody can sign in.')
  return ok(`${name} at ${issuer}, keys: ${keyCount}`)
}

const doesNotKnow = ['invalid_client', 'unauthorized_client']

async function credentials (provider: InspectableProvider, callback: string): Promise<Verdict> {
  const refusal = await provider.redeemNothing(callback)
  if (doesNotKnow.includes(String(refusal))) {
    return problem(`${provider.name} answers ${refusal}: it does not take OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET`, 'Copy both anew from the console of the provider, or make another secret there: some end by themselves.')
  }
  if (refusal !== 'invalid_grant') return skipped(`${provider.name} answers ${refusal ?? 'no error code'}: only a sign-in shows`)
  // Entra may look at the code before it looks at the client.
  if (provider.entra !== undefined) return skipped(`${provider.name} has no objection, and may have looked at the code only: a sign-in shows`)
  return ok(`${provider.name} takes OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET`)
}

const guid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

/** What docs/providers.md asks of Entra. */
function tenant ({ tenant, tenants }: EntraTenancy, { issuer }: ProviderInspection, env: Environment): Verdict {
  if (guid.test(String(read(env, 'OAUTH_CLIENT_SECRET')))) {
    return warning('OAUTH_CLIENT_SECRET looks like the ID of a secret', 'Copy its Value, which Entra shows once; make another secret where that is gone.')
  }
  if (!['common', 'organizations', 'consumers'].includes(tenant)) {
    const id = String(String(issuer).split('/').at(-2))
    if (tenants === undefined || tenants.includes(id)) return ok(`people of the tenant ${tenant}`)
    return problem(`the addresses name the tenant ${tenant}, and OAUTH_TENANTS does not have its id: nobody gets in`, `Put ${id} into OAUTH_TENANTS, or leave that empty.`)
  }
  if (tenants !== undefined) return ok(`people of ${tenants.join(', ')}`)
  return warning(`everybody at Microsoft may come (${tenant}), and only e-mails that the id_token marks by xms_edov count`,
    'Name your tenant in OAUTH_ISSUER, or the tenants in OAUTH_TENANTS; else add the optional claims email and xms_edov to the ID token (docs/providers.md, Microsoft).')
}

/** The provider that the environment names. Nobody is signed in there. */
export function providerChecks (env: Environment, site: Shared<Site>, front: Shared<Front>): Check[] {
  const configured = shared('the settings of the provider are wrong', async () => {
    if (!isConfigured(env)) throw new NotCheckedError('OAUTH_PROVIDER is not set; where the server gets it from its own code, it can not be seen from here')
    return providerFromEnv(env)
  })
  const known = shared('the provider can not be asked', async () => {
    const provider = await configured.find()
    return { provider, inspection: await provider.inspect() }
  })
  const callback = shared('there is no usable OAUTH_SERVER_URL', async () => {
    const { issuer } = await site.need()
    // Elsewhere with the option basePath, which the running server knows.
    const endpoint = await front.need().then(({ metadata }) => metadata['authorization_endpoint'], () => undefined)
    return String(endpoint ?? `${issuer}/oauth/authorize`).replace(/[^/]*$/, 'callback')
  })
  const asked = shared('the provider can not be asked', async () => {
    const { provider } = await known.need()
    const redirectUri = await callback.need()
    const [state, nonce, codeChallenge] = [randomSecret(), randomSecret(), randomSecret()]
    const url = new URL(await provider.authorizationUrl({ redirectUri, state, nonce, codeChallenge, prompts: [], maxAge: null, loginHint: null }))
    const answer: Answer & { sentAt: number, receivedAt: number } = await timed(async () => await send(url, { method: 'GET', headers: { accept: 'text/html' } }))
    return { provider, redirectUri, answer }
  })
  return [
    {
      name: 'provider',
      look: async () => {
        const { provider, inspection } = await known.find()
        return describe(provider, inspection)
      }
    },
    {
      name: 'provider-clock',
      look: async () => {
        const { provider, answer } = await asked.need()
        return compareClocks(provider.name, timeOf(answer), answer, 1000)
      }
    },
    { name: 'credentials', look: async () => await credentials((await known.need()).provider, await callback.need()) },
    {
      name: 'redirect-uri',
      look: async () => {
        const { provider, redirectUri, answer } = await asked.find()
        return judgeAnswer(provider, redirectUri, answer)
      }
    },
    {
      name: 'tenant',
      look: async () => {
        const { provider, inspection } = await known.need()
        if (provider.entra !== undefined) return tenant(provider.entra, inspection, env)
        if (read(env, 'OAUTH_TENANTS') === undefined) return ok(`${provider.name} has no tenants`)
        return warning(`OAUTH_TENANTS means nothing to ${provider.name}`, 'Take it out, or set OAUTH_PROVIDER=microsoft.')
      }
    }
  ]
}
