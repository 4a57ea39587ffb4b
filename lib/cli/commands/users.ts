import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Argument, type Command } from 'commander'
import { readEmailList } from '../../oauth/email.ts'
import type { User, UserChanges, UserRole } from '../../storage/records.ts'
import { confirm } from '../confirm.ts'
import type { Context } from '../context.ts'
import { findUser } from '../find-user.ts'
import { email, firstOf, limitOption, yesOption, type Limited } from '../options.ts'
import { table, type Columns } from '../output.ts'
import { Progress } from '../progress.ts'
import type { Action, CommandGroup } from '../program.ts'
import { MisuseError, RefusedError } from '../terminal.ts'

const columns: Columns<User> = [
  ['E-MAIL', user => user.email],
  ['NAME', ({ name }) => name],
  ['ROLE', ({ role }) => role],
  ['STATUS', ({ status }) => status ?? 'suspended'],
  ['SIGNED IN BY', ({ provider }) => provider],
  ['LAST SIGN-IN', ({ lastLoginAt }) => lastLoginAt],
  ['ID', ({ id }) => id]
]

function forPrograms ({ id, email, name, role, status, provider, providerIssuer, providerUserId, createdAt, lastLoginAt }: User) {
  return { id, email, name, role, status: status ?? 'suspended', provider, providerIssuer, providerUserId, createdAt, lastLoginAt }
}

async function readList ({ terminal }: Context, file: string): Promise<string> {
  if (file === '-') return await text(terminal.stdin)
  try {
    return await readFile(resolve(terminal.cwd, file), 'utf8')
  } catch (error) {
    throw new MisuseError(`${file} can not be read; name a file with addresses, or - for what comes in`, { cause: error })
  }
}

/** A command that changes one member of a row. */
function changeCommand (users: Command, action: Action, name: string, description: string, changes: UserChanges, done: string): void {
  users.command(name)
    .description(description)
    .argument('<user>', 'the e-mail, or the user id')
    .addHelpText('after', `\nExample:\n  $ npx fastify-mcp-oauth users ${name} ann@example.com`)
    .action(action(async (context, given: string) => { await changeUser(context, given, changes, done) }))
}

async function changeUser (context: Context, given: string, changes: UserChanges, done: string): Promise<void> {
  const { storage, users } = await context.administration()
  const { id } = await findUser(storage, given)
  const user = await users.update(id, changes)
  if (typeof user !== 'object') throw new RefusedError(`${given} has just been changed by somebody else; try again`)
  context.answer(forPrograms(user), `${user.email} ${done}.\n`)
}

function listCommands (users: Command, action: Action): void {
  users.command('list')
    .description('List who may sign in.')
    .argument('[search]', 'only who has this in the e-mail or the name')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth users list example.com')
    .action(action(async (context, search: string | undefined, { limit }: Limited) => {
      const storage = await context.storage()
      const listed = await firstOf(context.terminal, limit, async limit => await storage.searchUsers({ limit, ...search === undefined ? {} : { search } }))
      context.answer(listed.map(forPrograms), listed.length === 0 ? 'There is nobody.\n' : table(listed, columns))
    }))

  users.command('add')
    .description('Put somebody on the whitelist.')
    .argument('<email>', 'one plain address', email)
    .option('--name <name>', 'what they are called')
    .option('--admin', 'let them administer')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth users add ann@example.com --name Ann')
    .action(action(async (context, email: string, { name, admin = false }: { name?: string, admin?: boolean }) => {
      const { storage, users } = await context.administration()
      const id = await users.add({ email, role: admin ? 'admin' : 'user', ...name === undefined ? {} : { name } })
      if (id === undefined) throw new RefusedError(`${email} is on the whitelist already`)
      context.answer(forPrograms(await findUser(storage, id)), `${email} may sign in.\n`)
    }))

  users.command('import')
    .description('Put many on the whitelist: addresses apart by white space, commas or semicolons. Who is there already stays as they are, so that it may be run again.')
    .argument('<file>', 'the list, or - for what comes in')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth users import staff.txt')
    .action(action(async (context, file: string) => {
      const { emails: addresses, wrong } = readEmailList(await readList(context, file))
      if (wrong.length > 0) throw new RefusedError(`nobody was added: ${wrong.length} are not plain e-mail addresses, such as ${wrong.slice(0, 5).join(', ')}`)
      const { users } = await context.administration()
      const progress = new Progress(context.terminal)
      let [added, known] = [0, 0]
      try {
        for (const email of addresses) {
          if (await users.add({ email }) === undefined) known++
          else added++
          progress.tell(`${added + known} of ${addresses.length}`)
        }
      } finally {
        progress.end()
      }
      context.answer({ added, known }, `Added: ${added}. On the whitelist already: ${known}.\n`)
    }))
}

export const userCommands: CommandGroup = (program, action) => {
  const users = program.command('users').description('The whitelist: who may sign in.')
  listCommands(users, action)
  changeCommand(users, action, 'suspend', 'Let somebody in no more, for now. Their tokens count no more, within seconds.', { status: 'suspended' }, 'is suspended')
  changeCommand(users, action, 'activate', 'Let somebody in again.', { status: 'active' }, 'may sign in')

  users.command('role')
    .description('Say who may administer.')
    .argument('<user>', 'the e-mail, or the user id')
    .addArgument(new Argument('<role>', 'what they are').choices(['admin', 'user']))
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth users role ann@example.com admin')
    .action(action(async (context, given: string, role: UserRole) => { await changeUser(context, given, { role }, role === 'admin' ? 'may administer' : 'may not administer') }))

  users.command('unpin')
    .description('Let somebody sign in by another account: only the one that came first counts, until this is said.')
    .argument('<user>', 'the e-mail, or the user id')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth users unpin ann@example.com')
    .action(action(async (context, given: string) => {
      const { storage, users } = await context.administration()
      const { id } = await findUser(storage, given)
      await users.unpin(id)
      const user = await findUser(storage, id)
      context.answer(forPrograms(user), `${user.email} may sign in by another account, once.\n`)
    }))

  users.command('remove')
    .description('Take somebody off the whitelist, and end what was allowed in their name.')
    .argument('<user>', 'the e-mail, or the user id')
    .addOption(yesOption())
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth users remove ann@example.com --yes')
    .action(action(async (context, given: string, { yes = false }: { yes?: boolean }) => {
      const { storage, users } = await context.administration()
      const user = await findUser(storage, given)
      await confirm(context.terminal, `Remove ${user.email}, and end what was allowed in their name`, yes)
      await users.remove(user.id)
      context.answer(forPrograms(user), `${user.email} is off the whitelist.\n`)
    }))
}
