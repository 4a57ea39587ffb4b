import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import {
  Client, StreamableHTTPClientTransport, UnauthorizedError,
  type FetchLike, type OAuthClientProvider, type OAuthDiscoveryState, type StoredOAuthClientInformation, type StoredOAuthTokens
} from '@modelcontextprotocol/client'
import { Browser } from './browser.ts'

const url = new URL(process.argv[2] ?? 'http://localhost:8080/mcp')

function say (step: string, text: string): void {
  console.log(`${step.padEnd(13)} ${text}`)
}

/** Keeps in memory what a client keeps, and lets `Browser` stand in for the person at the browser. */
class SignIn implements OAuthClientProvider {
  readonly redirectUrl: string
  readonly #state = randomUUID()
  #client: StoredOAuthClientInformation | undefined
  #tokens: StoredOAuthTokens | undefined
  #discovery: OAuthDiscoveryState | undefined
  #verifier = ''

  constructor (redirectUrl: string) {
    this.redirectUrl = redirectUrl
  }

  get clientMetadata () {
    return { client_name: 'Example client', redirect_uris: [this.redirectUrl], token_endpoint_auth_method: 'none' }
  }

  state () { return this.#state }
  clientInformation () { return this.#client }
  tokens () { return this.#tokens }
  discoveryState () { return this.#discovery }
  saveDiscoveryState (discovery: OAuthDiscoveryState) { this.#discovery = discovery }
  codeVerifier () { return this.#verifier }
  saveCodeVerifier (verifier: string) { this.#verifier = verifier }

  saveClientInformation (client: StoredOAuthClientInformation) {
    this.#client = client
    say('registration', `this client is ${client.client_id}`)
  }

  saveTokens (tokens: StoredOAuthTokens) {
    this.#tokens = tokens
    say('token', `${tokens.token_type}, for ${tokens.expires_in} seconds, ${tokens.refresh_token === undefined ? 'without' : 'with'} a refresh token, scope ${tokens.scope}`)
  }

  async redirectToAuthorization (authorizationUrl: URL) {
    const browser = new Browser()
    const consent = await browser.open(authorizationUrl)
    say('consent', `${consent.title}: pressing allow`)
    const signIn = await browser.submit(consent)
    say('sign-in', `${signIn.title} at ${signIn.url.origin}: signing in as ${/type="email"[^>]* value="([^"]*)"/.exec(signIn.html)?.[1]}`)
    const end = await browser.submit(signIn)
    if (!end.url.href.startsWith(this.redirectUrl)) throw new Error(`The sign-in ended at ${end.url.origin} with: ${end.title}`)
  }

  checkState (answer: URLSearchParams) {
    if (answer.get('state') !== this.#state) throw new Error('The answer belongs to another sign-in')
  }
}

/** Says what goes over the wire where the provider above does not see it. */
const tellingFetch: FetchLike = async (input, init) => {
  const response = await fetch(input, init)
  const { pathname } = new URL(input)
  if (response.status === 401) say('401', `${init?.method ?? 'GET'} ${pathname}: ${response.headers.get('www-authenticate')}`)
  if (response.ok && pathname.startsWith('/.well-known/')) say('discovery', pathname)
  return response
}

async function listen (server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/callback`
}

async function run (): Promise<void> {
  const answers: URLSearchParams[] = []
  const listener = createServer((request, response) => {
    answers.push(new URL(request.url ?? '/', 'http://127.0.0.1').searchParams)
    response.end('<title>You can close this window</title>')
  })
  const signIn = new SignIn(await listen(listener))
  const newTransport = () => new StreamableHTTPClientTransport(url, { authProvider: signIn, fetch: tellingFetch })
  const newClient = () => new Client({ name: 'example-client', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })

  let client = newClient()
  try {
    const transport = newTransport()
    await client.connect(transport).catch(async (error: unknown) => {
      const [answer] = answers
      if (!(error instanceof UnauthorizedError) || answer === undefined) throw error
      signIn.checkState(answer)
      await transport.finishAuth(answer)
      client = newClient()
      await client.connect(newTransport())
    })
    const { tools } = await client.listTools()
    say('tools/list', tools.map((tool) => tool.name).join(' '))
    const { content } = await client.callTool({ name: 'list_restaurants', arguments: {} })
    say('tools/call', 'list_restaurants answers')
    for (const part of content) if (part.type === 'text') console.log(part.text)
  } finally {
    await client.close()
    listener.close()
    listener.closeAllConnections()
  }
}

function isDown (error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'ECONNREFUSED') || isDown(error.cause)
}

run().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error)
  console.error(isDown(error) ? `Nothing answers at ${url}: start the server first, with npm run example` : message)
  process.exitCode = 1
})
