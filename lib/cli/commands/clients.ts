import { Option, type Command } from 'commander'
import { administration } from '../../administration.ts'
import { checkRedirectUri } from '../../oauth/redirect-uri.ts'
import type { Client } from '../../storage/records.ts'
import { confirm } from '../confirm.ts'
import { operator, type Context } from '../context.ts'
import { firstOf, limitOption, positive, yesOption, type Limited } from '../options.ts'
import { sheet, table, tell, type Columns } from '../output.ts'
import type { Action, CommandGroup } from '../program.ts'
import { RefusedError } from '../terminal.ts'
import { phrase, tidy } from './purge.ts'

const day = 86_400_000

const columns: Columns<Client> = [
  ['ID', ({ id }) => id],
  ['NAME', ({ name }) => name],
  ['SECRET', ({ secretHash }) => secretHash === null ? 'no' : 'yes'],
  ['STATE', ({ active }) => active ? 'active' : 'deactivated'],
  ['SINCE', ({ createdAt }) => createdAt]
]

const details: Columns<Client> = [
  ...columns,
  ['REDIRECTS', ({ redirectUris }) => redirectUris.join(' ')],
  ['GRANT TYPES', ({ grantTypes }) => grantTypes.join(' ')],
  ['AUTHENTICATION', ({ tokenEndpointAuthMethod }) => tokenEndpointAuthMethod],
  ['SITE', ({ clientUri }) => clientUri],
  ['LOGO', ({ logoUri }) => logoUri],
  ['DOCUMENT OF', ({ documentFetchedAt }) => documentFetchedAt]
]

/** All but what the secret's hash is. */
function forPrograms ({ secretHash, ...client }: Client) {
  return { ...client, hasSecret: secretHash !== null }
}

async function findClient (context: Context, id: string): Promise<Client> {
  const storage = await context.storage()
  const client = await storage.findClient(id)
  if (client === undefined) throw new RefusedError(`there is no client ${id}`)
  return client
}

interface Addition { name: string, redirectUri: string[], auth: string }

async function addClient (context: Context, { name, redirectUri: uris, auth }: Addition): Promise<void> {
  // Whoever names one here allows it to be registered; whether anything is sent there, the server's options say.
  const allowedRedirectUris = uris.filter(uri => checkRedirectUri(uri, []) === 'private-use')
  const server = await context.server({ allowedRedirectUris })
  const client = await administration(server, operator).clients.create({ client_name: name, redirect_uris: uris, token_endpoint_auth_method: auth })
  for (const uri of allowedRedirectUris) tell(context.terminal, `Name ${uri} in the server's option allowedRedirectUris too, or nothing is sent there.`)
  const secret = client.client_secret === undefined ? '' : `client_secret: ${client.client_secret}\n`
  if (secret !== '') tell(context.terminal, 'The secret is shown this once.')
  context.answer(client, `client_id: ${client.client_id}\n${secret}`)
}

/** A command that switches a client. */
function switchCommand (clients: Command, action: Action, name: string, description: string, active: boolean): void {
  clients.command(name)
    .description(description)
    .argument('<id>', 'the client_id')
    .addHelpText('after', `\nExample:\n  $ npx fastify-mcp-oauth clients ${name} mcp-Zb3cXf0tGk2LwQ8s`)
    .action(action(async (context, id: string) => {
      const { clients, storage } = await context.administration()
      if (!await clients.setActive(id, active)) throw new RefusedError(`there is no client ${id}`)
      const client = await storage.findClient(id)
      context.answer(client && forPrograms(client), `${id} is ${active ? 'active' : 'deactivated'}.\n`)
    }))
}

export const clientCommands: CommandGroup = (program, action) => {
  const clients = program.command('clients').description('The programs that people may allow to act for them.')

  clients.command('list')
    .description('List them, the newest first.')
    .argument('[search]', 'only what has this in its name or id')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth clients list claude')
    .action(action(async (context, search: string | undefined, { limit }: Limited) => {
      const storage = await context.storage()
      const listed = await firstOf(context.terminal, limit, async limit => await storage.searchClients({ limit, ...search === undefined ? {} : { search } }))
      context.answer(listed.map(forPrograms), listed.length === 0 ? 'There are none.\n' : table(listed, columns))
    }))

  clients.command('show')
    .description('Print all that is known of one.')
    .argument('<id>', 'the client_id')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth clients show mcp-Zb3cXf0tGk2LwQ8s')
    .action(action(async (context, id: string) => {
      const client = await findClient(context, id)
      context.answer(forPrograms(client), sheet(client, details))
    }))

  clients.command('add')
    .description('Create one that does not register itself. It stays, however long it lies unused.')
    .requiredOption('--name <name>', 'what people are shown')
    .requiredOption('--redirect-uri <uri...>', 'where people are sent back to, to the letter')
    .addOption(new Option('--auth <method>', 'how it authenticates').choices(['none', 'client_secret_basic', 'client_secret_post']).default('client_secret_basic'))
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth clients add --name Reports --redirect-uri https://reports.example.com/callback')
    .action(action(addClient))

  switchCommand(clients, action, 'deactivate', 'Give one nothing more. Its tokens count no more, within seconds, and it can not register again.', false)
  switchCommand(clients, action, 'activate', 'Give one its access back.', true)

  clients.command('prune')
    .description('Remove those that registered themselves and that nobody has used.')
    .option('--unused-for <days>', 'for so long', positive, 7)
    .addOption(yesOption())
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth clients prune --unused-for 1 --yes')
    .action(action(async (context, { unusedFor, yes = false }: { unusedFor: number, yes?: boolean }) => {
      await confirm(context.terminal, `Remove the clients that nobody has used for ${unusedFor} days`, yes)
      const counts = await tidy(context, { kinds: ['clients'], unusedFor: unusedFor * day })
      context.answer({ clients: counts.clients }, `Removed: ${phrase(counts)}.\n`)
    }))
}
