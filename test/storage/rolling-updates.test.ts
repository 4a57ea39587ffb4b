import { randomBytes } from 'node:crypto'
import { sql, type Kysely } from 'kysely'
import t from 'tap'
import { KyselyStorage, migrateToLatest, migrations } from '../../lib/storage/kysely/index.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { checkContract, connect, empty } from '../fixtures/storage.ts'

t.setTimeout(180_000)

interface Column { table: string, name: string, type: string, nullable: string, default: string | null }

async function columnsOf (db: Kysely<any>): Promise<Column[]> {
  const { rows } = await sql<Column>`SELECT table_name AS "table", column_name AS name, data_type AS type, is_nullable AS nullable, column_default AS "default"
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`.execute(db)
  return rows
}

t.test('a migration only adds what the version before can leave alone, so that both run side by side', async t => {
  const db = connect(t, await createDatabase(t))
  for (const [index, [name, { up }]] of Object.entries(migrations).entries()) {
    const before = await columnsOf(db)
    await up(db)
    const after = await columnsOf(db)
    for (const { nullable, ...column } of before) {
      const same = after.find(other => other.table === column.table && other.name === column.name)
      t.match(same, column, `${name}: ${column.table}.${column.name}`)
      // What may be empty from now on, only the new version leaves empty, in rows of kinds that the one before does not read.
      t.ok(nullable === same?.nullable || nullable === 'NO', `${name}: ${column.table}.${column.name} may be empty as before`)
    }
    if (index === 0) continue
    const tables = new Set(before.map(({ table }) => table))
    const added = after.filter(column => tables.has(column.table) && !before.some(other => other.table === column.table && other.name === column.name))
    for (const column of added) t.ok(column.nullable === 'YES' || column.default !== null, `${name}: ${column.table}.${column.name}`)
  }
})

t.test('nothing is kept in a connection, so that PgBouncer may give each transaction another one', async t => {
  const url = await createDatabase(t)
  // Closed when it is given back.
  const db = connect(t, url, { maxUses: 1 })
  await migrateToLatest(db)
  const lasting = connect(t, url)
  await checkContract(t, async () => {
    await empty(lasting)
    return new KyselyStorage(db)
  })
})

t.test('a server needs no more than to read and write rows', async t => {
  const url = await createDatabase(t)
  const owner = connect(t, url)
  await migrateToLatest(owner)
  const role = `server_${randomBytes(6).toString('hex')}`
  for (const statement of [
    `CREATE ROLE ${role} LOGIN`,
    'REVOKE CREATE ON SCHEMA public FROM public',
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`
  ]) await sql.raw(statement).execute(owner)
  const address = new URL(url)
  address.username = role
  const db = connect(t, address.href)
  t.teardown(async () => {
    await execute(url, `DROP OWNED BY ${role}`, `DROP ROLE ${role}`)
  })
  await t.rejects(sql`CREATE TABLE anything ()`.execute(db), /permission denied/)
  await new KyselyStorage(db).prepare()
  await checkContract(t, async () => {
    await empty(owner)
    return new KyselyStorage(db)
  })
})
