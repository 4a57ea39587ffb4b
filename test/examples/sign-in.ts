import { createHash, randomBytes } from 'node:crypto'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import * as z from 'zod'
import { createBrowser, type Page } from '../fixtures/browser-jar.ts'

interface Scope { teardown (close: () => Promise<void>): void }

/** Registers a client. @returns the URL that it opens in the browser, and how it gets its token. */
export async function startAuthorization (origin: string, redirectUri: string, scope = '') {
  const registration = await fetch(`${origin}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Test client', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' })
  })
  const { client_id: clientId } = z.object({ client_id: z.string() }).parse(await registration.json())
  const verifier = randomBytes(32).toString('base64url')
  const url = `${origin}/oauth/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256'
  })}`

  async function redeem (answer: URL): Promise<string> {
    const response = await fetch(`${origin}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code', code: answer.searchParams.get('code') ?? '', code_verifier: verifier, redirect_uri: redirectUri, client_id: clientId
      })
    })
    return z.object({ access_token: z.string() }).parse(await response.json()).access_token
  }
  return { url, redeem }
}

export const redirectUri = 'http://127.0.0.1:4321/callback'

/** Allows, and signs in where the provider asks for an e-mail. @returns where that ends, and how to get the token. */
export async function signIn (origin: string, email: string, scope = ''): Promise<{ end: Page, redeem: () => Promise<string> }> {
  const { url, redeem } = await startAuthorization(origin, redirectUri, scope)
  const browser = createBrowser()
  const next = await browser.submit(await browser.visit(url), { decision: 'allow' }, { until: redirectUri })
  const asksForEmail = next.body.includes('name="email"')
  const end = asksForEmail ? await browser.submit(next, { email }, { action: next.url.href, until: redirectUri }) : next
  return { end, redeem: async () => await redeem(end.url) }
}

export async function callTool (t: Scope, origin: string, token: string, name: string, args: Record<string, unknown> = {}): Promise<unknown> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  t.teardown(() => client.close())
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))
  const result = await client.callTool({ name, arguments: args })
  const [part] = z.tuple([z.object({ text: z.string() })]).parse(result.content)
  return JSON.parse(part.text)
}

/** What a person does at the page that a client opened: allows, and signs in as whom the form proposes. @returns the client's own last page. */
export async function approveAtExample (authorizationUrl: URL): Promise<Page> {
  const browser = createBrowser()
  const form = await browser.submit(await browser.visit(authorizationUrl), { decision: 'allow' })
  return await browser.submit(form, { email: /type="email"[^>]* value="([^"]*)"/.exec(form.body)?.[1] ?? '' }, { action: form.url.href })
}
