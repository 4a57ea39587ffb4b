import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider'
import type pg from 'pg'
import type { Contender, LoadRequest } from '../contender.ts'
import { countedPool } from '../database.ts'
import { basic, redirectUri, resource } from '../oauth.ts'

const table = `CREATE TABLE models (
  name text NOT NULL, id text NOT NULL, payload jsonb NOT NULL, grant_id text, user_code text, uid text, expires_at timestamptz, consumed_at timestamptz,
  PRIMARY KEY (name, id))`
const indexes = ['CREATE INDEX ON models (grant_id)', 'CREATE INDEX ON models (uid)', 'CREATE INDEX ON models (user_code)']

interface Row { payload: AdapterPayload, consumed_at: Date | null }

/** The adapter that oidc-provider's documentation describes: one table of models, a statement for each of its methods. */
function adapterOver (pool: pg.Pool): (name: string) => Adapter {
  const read = async (text: string, values: unknown[]) => {
    const { rows: [row] } = await pool.query<Row>(`SELECT payload, consumed_at FROM models WHERE ${text} AND (expires_at IS NULL OR expires_at > now())`, values)
    return row && { ...row.payload, ...row.consumed_at !== null && { consumed: Math.floor(row.consumed_at.getTime() / 1000) } }
  }
  return name => ({
    async upsert (id, payload, expiresIn) {
      const expiresAt = expiresIn ? new Date(Date.now() + expiresIn * 1000) : null
      await pool.query(
        `INSERT INTO models (name, id, payload, grant_id, user_code, uid, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (name, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id, user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`,
        [name, id, payload, payload.grantId, payload.userCode, payload.uid, expiresAt])
    },
    find: async id => await read('name = $1 AND id = $2', [name, id]),
    findByUserCode: async userCode => await read('name = $1 AND user_code = $2', [name, userCode]),
    findByUid: async uid => await read('name = $1 AND uid = $2', [name, uid]),
    async consume (id) { await pool.query('UPDATE models SET consumed_at = now() WHERE name = $1 AND id = $2', [name, id]) },
    async destroy (id) { await pool.query('DELETE FROM models WHERE name = $1 AND id = $2', [name, id]) },
    async revokeByGrantId (grantId) { await pool.query('DELETE FROM models WHERE grant_id = $1', [grantId]) }
  })
}

/** oidc-provider with tokens for one resource, kept in PostgreSQL, so that they can be introspected and revoked. */
export async function oidcProviderServer (): Promise<Contender> {
  const { pool, statements } = countedPool(process.env['BENCHMARK_OIDC_PROVIDER'] ?? '')
  for (const statement of [table, ...indexes]) await pool.query(statement)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [clientId, clientSecret] = ['benchmark', randomBytes(32).toString('base64url')]
  const provider = new Provider(url, {
    adapter: adapterOver(pool),
    routes: { introspection: '/introspect', registration: '/register' },
    scopes: ['email', 'offline_access'],
    // As OAuth 2.1 wants it, and as the others do.
    rotateRefreshToken: true,
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => resource,
        useGrantedResource: async () => true,
        getResourceServerInfo: async () => ({ scope: 'email', audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: 604_800 })
      }
    }
  })
  server.on('request', provider.callback())
  const clientAdapter = adapterOver(pool)('Client')
  await clientAdapter.upsert(clientId, {
    client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_basic'
  }, 0)
  const client = await provider.Client.find(clientId)
  if (client === undefined) throw new Error('there is no client')
  const headers = { authorization: basic(clientId, clientSecret), 'content-type': 'application/x-www-form-urlencoded' }

  async function newCode (): Promise<LoadRequest> {
    const verifier = randomBytes(32).toString('base64url')
    const grant = new provider.Grant({ accountId: 'ann', clientId })
    grant.addOIDCScope('offline_access')
    grant.addResourceScope(resource, 'email')
    const grantId = await grant.save()
    const code = await new provider.AuthorizationCode({
      accountId: 'ann',
      client,
      grantId,
      gty: 'authorization_code',
      redirectUri,
      scope: 'email offline_access',
      resource,
      codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
      codeChallengeMethod: 'S256'
    } as ConstructorParameters<typeof provider.AuthorizationCode>[0]).save()
    return {
      method: 'POST',
      path: '/token',
      headers,
      body: new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri }).toString()
    }
  }

  return { url, statements, prepare: async count => await Promise.all(Array.from({ length: count }, newCode)) }
}
