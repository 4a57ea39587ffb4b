import { displayText } from '../../oauth/text.ts'
import type { Connection } from '../../storage/records.ts'
import { confirm } from '../confirm.ts'
import { firstOf, limitOption, yesOption, type Limited } from '../options.ts'
import { table, type Columns } from '../output.ts'
import { Progress } from '../progress.ts'
import type { CommandGroup } from '../program.ts'
import { MisuseError, RefusedError } from '../terminal.ts'
import { findUser } from '../find-user.ts'

const columns: Columns<Connection> = [
  ['GRANT', ({ grant }) => grant.id],
  ['E-MAIL', ({ grant }) => grant.email],
  ['CLIENT', ({ client }) => displayText(client.name, 40) || client.id],
  ['SCOPES', ({ grant }) => grant.scopes.join(' ')],
  ['SINCE', ({ grant }) => grant.createdAt],
  ['LAST USED', ({ grant }) => grant.lastUsedAt],
  ['ENDS', ({ grant }) => grant.expiresAt]
]

function forPrograms ({ grant, client }: Connection) {
  const { id, userId, email, resource, scopes, redirectUri, createdAt, lastUsedAt, expiresAt } = grant
  return { id, userId, email, clientId: client.id, clientName: client.name, resource, scopes, redirectUri, createdAt, lastUsedAt, expiresAt }
}

interface Revocation { all?: boolean, user?: string, client?: string, yes?: boolean }

export const grantCommands: CommandGroup = (program, action) => {
  const grants = program.command('grants').description('What people have allowed clients, as far as it lives.')

  grants.command('list')
    .description('List who is signed in, and where, the latest first.')
    .argument('[search]', 'only what has this in its ids, e-mail or client')
    .option('--user <user>', 'only those of this e-mail or user id')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth grants list --user ann@example.com')
    .action(action(async (context, search: string | undefined, { user, limit }: Limited & { user?: string }) => {
      if (search !== undefined && user !== undefined) throw new MisuseError('a search and --user do not go together; leave one out')
      const storage = await context.storage()
      const now = new Date()
      const userId = user === undefined ? undefined : (await findUser(storage, user)).id
      const listed = await firstOf(context.terminal, limit, async limit => userId === undefined
        ? await storage.searchConnections({ limit, ...search === undefined ? {} : { search } }, now)
        : await storage.listConnections(userId, now))
      context.answer(listed.map(forPrograms), listed.length === 0 ? 'There are none.\n' : table(listed, columns))
    }))

  grants.command('revoke')
    .description('End grants and all their tokens: by their ids, of one user, or all there are. It counts within seconds.')
    .argument('[ids...]', 'the grants')
    .option('--user <user>', 'all of this e-mail or user id')
    .option('--client <id>', 'with --user, only those of this client')
    .option('--all', 'all of everybody, as after a database was restored')
    .addOption(yesOption())
    .addHelpText('after', '\nExamples:\n  $ npx fastify-mcp-oauth grants revoke --user ann@example.com\n  $ npx fastify-mcp-oauth grants revoke --all --yes')
    .action(action(async (context, ids: string[], { all = false, user, client, yes = false }: Revocation) => {
      if (Number(ids.length > 0) + Number(user !== undefined) + Number(all) !== 1) throw new MisuseError('name the grants, or --user, or --all, and only one of these')
      if (client !== undefined && user === undefined) throw new MisuseError('--client goes with --user; to end all of a client, deactivate it')
      if (all) await confirm(context.terminal, 'End what every client has in everybody\'s name', yes)
      const { storage, grants } = await context.administration()
      const progress = new Progress(context.terminal)
      let revoked = 0
      if (all) revoked = await grants.revokeEvery(count => { progress.tell(`revoked: ${count}`) }).finally(() => { progress.end() })
      if (user !== undefined) revoked = await grants.revokeAll((await findUser(storage, user)).id, client)
      for (const id of ids) if (await grants.revoke(id)) revoked++
      if (revoked < ids.length) throw new RefusedError(`${revoked} of ${ids.length} were revoked; the others are none, or were revoked before`)
      context.answer({ revoked }, `Revoked: ${revoked}.\n`)
    }))
}
