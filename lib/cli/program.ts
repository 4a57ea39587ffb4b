import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { auditCommands } from './commands/audit.ts'
import { clientCommands } from './commands/clients.ts'
import { doctorCommand } from './commands/doctor.ts'
import { grantCommands } from './commands/grants.ts'
import { keyCommands } from './commands/keys.ts'
import { migrateCommand } from './commands/migrate.ts'
import { purgeCommand } from './commands/purge.ts'
import { secretCommand } from './commands/secret.ts'
import { userCommands } from './commands/users.ts'
import { Context, type GlobalOptions } from './context.ts'
import type { Terminal } from './terminal.ts'

/** Makes a command's action: what it has opened is closed when it ends, however it does. */
export type Action = <Parameters extends unknown[]>(work: (context: Context, ...parameters: Parameters) => Promise<void>) =>
(...parameters: Parameters) => Promise<void>

/** Commands, one file a group. */
export type CommandGroup = (program: Command, action: Action) => void

const groups: readonly CommandGroup[] = [
  migrateCommand, userCommands, clientCommands, grantCommands, keyCommands, auditCommands, secretCommand, purgeCommand, doctorCommand
]

const footer = `
DATABASE_URL and JWT_SECRET are those of the server: in the environment, or in a file .env in the working directory.

Exit codes:
  0  done
  1  refused, or not found; of audit verify, that something was found
  2  wrong usage or configuration
  3  the database can not be reached

Example:
  $ npx fastify-mcp-oauth users add ann@example.com --name Ann`

function version (): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}

/** All commands, over a terminal. */
export function createProgram (terminal: Terminal): Command {
  const program = new Command('fastify-mcp-oauth')
    .description('Administers an MCP server that fastify-mcp-oauth protects: its whitelist, clients, grants, keys, audit trail and tables.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--json', 'print JSON, for programs')
    .option('--schema <name>', 'the schema of the tables, where it is not the first one of the search path')
    .option('--no-env-file', 'do not read .env in the working directory')
    .addHelpText('after', footer)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: text => terminal.stdout.write(text), writeErr: text => terminal.stderr.write(text) })
    .showHelpAfterError('(add --help for how it is used)')
    .exitOverride()
  const action: Action = work => async (...parameters) => {
    const context = new Context(terminal, program.opts<GlobalOptions>())
    try {
      await work(context, ...parameters)
    } finally {
      await context.close()
    }
  }
  for (const group of groups) group(program, action)
  return program
}
