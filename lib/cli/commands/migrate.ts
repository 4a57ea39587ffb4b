import type { CommandGroup } from '../program.ts'

export const migrateCommand: CommandGroup = (program, action) => {
  program.command('migrate')
    .description('Bring the tables to what this version needs: all of it, or nothing. Several at once are one.')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth migrate')
    .action(action(async context => {
      const { migrate } = await context.database()
      const migrations = await migrate()
      context.answer({ migrations }, migrations.length === 0 ? 'There is nothing to migrate.\n' : `Migrated: ${migrations.join(', ')}\n`)
    }))
}
