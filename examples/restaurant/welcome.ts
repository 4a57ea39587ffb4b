import type { FastifyInstance } from 'fastify'
import type { LocalProvider } from './local-provider.ts'

/** What to do next. */
export async function welcome (app: FastifyInstance, env: NodeJS.ProcessEnv, local: LocalProvider | undefined): Promise<string> {
  const url = `${env.OAUTH_SERVER_URL}/mcp`
  const users = await app.mcpOAuth.users.list()
  const emails = users.filter((user) => user.status === 'active').map((user) => user.email)
  return [
    `The restaurant is open at ${url}`,
    '',
    `  Claude Code   claude mcp add --transport http restaurant ${url}`,
    `  VS Code       code --add-mcp '${JSON.stringify({ name: 'restaurant', type: 'http', url })}'`,
    `  Inspector     npx @modelcontextprotocol/inspector   (Streamable HTTP, ${url})`,
    ...local === undefined ? [] : [`  Or a script   npm run example:client -- ${url}`],
    '',
    `  On the whitelist: ${emails.slice(0, 10).join(', ') || 'nobody, set DEFAULT_ADMIN_EMAIL'}${emails.length > 10 ? ` and ${emails.length - 10} more` : ''}`,
    `  In a browser: ${env.OAUTH_SERVER_URL}/oauth/account (what you have connected), ${env.OAUTH_SERVER_URL}/oauth/admin (the whitelist, for administrators)`,
    ...local === undefined ? [] : [`  Sign-in: ${local.issuer} stands in for a real provider until OAUTH_PROVIDER is set`],
    ''
  ].join('\n')
}
