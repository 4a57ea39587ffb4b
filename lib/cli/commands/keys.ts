import { describeKeys, type SigningKeyDescription } from '../../keys/describe-keys.ts'
import { table, type Columns } from '../output.ts'
import type { CommandGroup } from '../program.ts'
import { RefusedError } from '../terminal.ts'

const columns: Columns<SigningKeyDescription> = [
  ['KEY', ({ keyId }) => keyId],
  ['ALGORITHM', ({ algorithm }) => algorithm],
  ['STATE', ({ state }) => state],
  ['CREATED', ({ createdAt }) => createdAt],
  ['SIGNS FROM', ({ signsFrom }) => signsFrom],
  ['ENDS', ({ endsAt }) => endsAt]
]

const none = 'There are no key pairs yet: the server makes them at its first start.'

export const keyCommands: CommandGroup = (program, action) => {
  const keys = program.command('keys').description('The key pairs that sign id_tokens and, unless by HS256, access tokens.')

  keys.command('list')
    .description('List those that are published, without their private halves.')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth keys list')
    .action(action(async context => {
      const storage = await context.storage()
      const listed = describeKeys(await storage.listSigningKeys(), new Date())
      context.answer(listed, listed.length === 0 ? `${none}\n` : table(listed, columns))
    }))

  keys.command('rotate')
    .description('Put a new key in the place of each. It signs minutes later, and nobody is signed out.')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth keys rotate')
    .action(action(async context => {
      const administration = await context.administration()
      if ((await administration.storage.listSigningKeys()).length === 0) throw new RefusedError(none)
      await administration.keys.rotate()
      const listed = await administration.keys.list()
      context.answer(listed, table(listed, columns))
    }))
}
