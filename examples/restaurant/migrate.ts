import { InvalidOptionError } from 'fastify-mcp-oauth'
import { DatabaseError, openDatabase, prepareDatabase } from './database.ts'

/** Brings the database to what this version needs: a step of its own, before the servers start. */
async function migrate (): Promise<void> {
  const { db } = await openDatabase(process.env)
  try {
    const migrations = await prepareDatabase(db)
    console.log(migrations.length === 0 ? 'There is nothing to migrate' : `Migrated: ${migrations.join(', ')}`)
  } finally {
    await db.destroy()
  }
}

migrate().catch((error: unknown) => {
  const isExplained = error instanceof DatabaseError || error instanceof InvalidOptionError
  console.error(isExplained ? error.message : error)
  process.exitCode = 1
})
