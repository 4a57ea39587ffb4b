import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { localhostHostValidation } from '@modelcontextprotocol/node'
import { html } from 'ghtml'
import type { Configuration, Provider } from 'oidc-provider'

export interface LocalProvider {
  issuer: string
  clientId: string
  clientSecret: string
  close: () => Promise<void>
}

export interface LocalProviderOptions {
  /** The port it takes if that is free. */
  port: number
  /** Where it sends people back to. */
  redirectUri: string
  /** What the form is filled in with. */
  email: string
}

/** An OpenID provider for trying out: it believes whatever e-mail one types, so it listens on loopback only. */
export async function startLocalProvider ({ port, redirectUri, email }: LocalProviderOptions): Promise<LocalProvider> {
  const server = createServer()
  const issuer = `http://127.0.0.1:${await listen(server, port)}`
  const clientId = 'restaurant'
  const clientSecret = randomBytes(32).toString('base64url')
  const provider = await createProvider(issuer, { client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] })

  const serve = provider.callback()
  const isLocal = localhostHostValidation()
  server.on('request', (request, response) => {
    if (!isLocal(request, response)) return
    if (request.url?.startsWith('/sign-in/') !== true) return serve(request, response)
    signIn(provider, email, request, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })

  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { issuer, clientId, clientSecret, close }
}

async function listen (server: Server, wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    server.listen(port, '127.0.0.1')
    const error: unknown = await once(server, 'listening').then(() => undefined, (error: unknown) => error)
    const address = server.address()
    if (error === undefined && typeof address === 'object' && address !== null) return address.port
  }
  throw new Error('There is no free port for the local sign-in')
}

async function createProvider (issuer: string, client: NonNullable<Configuration['clients']>[number]): Promise<Provider> {
  const { warn } = console
  // It warns of what is meant to be so here: nothing outlives this process.
  console.warn = () => {}
  try {
    const { interactionPolicy, Provider } = await import('oidc-provider')
    const policy = interactionPolicy.base()
    policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
    return new Provider(issuer, {
      clients: [client],
      jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
      cookies: { keys: [randomBytes(32).toString('base64url')] },
      // People choose whom to sign in as each time, whatever the browser remembers.
      discovery: { prompt_values_supported: ['none', 'login', 'consent', 'select_account'] },
      pkce: { required: () => true },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 3600, Session: 3600 },
      conformIdTokenClaims: false,
      features: { devInteractions: { enabled: false } },
      interactions: { policy, url: (_context, interaction) => `/sign-in/${interaction.uid}` },
      renderError: (context, { error, error_description: description }) => {
        context.type = 'html'
        context.body = page(html`<p>${error}: ${description}</p>`)
      },
      findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, email: sub, email_verified: true, name: sub.split('@')[0] }) }),
      // People consent on the page that sent them here; this one asks nothing more.
      loadExistingGrant: async ({ oidc }) => {
        const grant = new oidc.provider.Grant({ clientId: oidc.client?.clientId, accountId: oidc.session?.accountId })
        grant.addOIDCScope('openid email profile')
        await grant.save()
        return grant
      }
    })
  } finally {
    console.warn = warn
  }
}

async function signIn (provider: Provider, email: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const interaction = await provider.interactionDetails(request, response).catch(() => undefined)
  if (interaction === undefined) return send(response, 400, html`<p>This sign-in is over. Start again from your MCP client.</p>`)
  const typed = request.method === 'POST' ? (await readForm(request)).get('email')?.trim().toLowerCase() : undefined
  if (typed === undefined || typed === '') return send(response, 200, signInForm(email))
  await provider.interactionFinished(request, response, { select_account: {}, login: { accountId: typed }, consent: {} })
}

async function readForm (request: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk
    if (body.length > 4096) throw new Error('The form is too long')
  }
  return new URLSearchParams(body)
}

function signInForm (email: string): string {
  return html`<p>This page stands in for Google, Microsoft or Cognito while you try things out. It believes whatever you type; who may come in is
decided by the whitelist.</p>
<form method="post">
<label>E-mail <input type="email" name="email" value="${email}" maxlength="254" required autofocus></label>
<button>Sign in</button>
</form>`
}

function send (response: ServerResponse, statusCode: number, content: string): void {
  response.writeHead(statusCode, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer'
  })
  response.end(page(content))
}

function page (content: string): string {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Local sign-in</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 15vh auto; padding: 0 1rem } input, button { font: inherit; padding: .4rem }</style>
<h1>Local sign-in</h1>
!${content}
</html>`
}
