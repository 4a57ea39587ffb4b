import type { Insertable, Kysely, Updateable } from 'kysely'
import type { Database } from './schema.ts'

type Restaurant = Insertable<Database['restaurants']>
type MenuItem = Insertable<Database['menu_items']>

/** What was asked for is not there. Fastify answers it as 404, the tools as an error that the model can read. */
export class NotFoundError extends Error {
  readonly statusCode = 404
}

export function found<Row> (row: Row | undefined, what: string, id: number): Row {
  if (row === undefined) throw new NotFoundError(`There is no ${what} ${id}`)
  return row
}

export async function listRestaurants (db: Kysely<Database>) {
  return await db.selectFrom('restaurants').select(['id', 'name', 'cuisine', 'address', 'description']).orderBy('id').execute()
}

export async function getRestaurant (db: Kysely<Database>, id: number) {
  const row = await db.selectFrom('restaurants').selectAll().where('id', '=', id).executeTakeFirst()
  return found(row, 'restaurant', id)
}

export async function createRestaurant (db: Kysely<Database>, restaurant: Restaurant) {
  return await db.insertInto('restaurants').values(restaurant).returningAll().executeTakeFirstOrThrow()
}

export async function updateRestaurant (db: Kysely<Database>, id: number, changes: Updateable<Database['restaurants']>) {
  const row = await db.updateTable('restaurants').set({ ...changes, updated_at: new Date() })
    .where('id', '=', id).returningAll().executeTakeFirst()
  return found(row, 'restaurant', id)
}

export async function deleteRestaurant (db: Kysely<Database>, id: number) {
  const row = await db.deleteFrom('restaurants').where('id', '=', id).returning(['id', 'name']).executeTakeFirst()
  return { deleted: found(row, 'restaurant', id) }
}

export async function getMenu (db: Kysely<Database>, restaurantId: number) {
  const restaurant = await getRestaurant(db, restaurantId)
  const items = await db.selectFrom('menu_items').select(['id', 'name', 'description', 'price_cents'])
    .where('restaurant_id', '=', restaurantId).orderBy('id').execute()
  return { restaurant: restaurant.name, items }
}

export async function createMenuItem (db: Kysely<Database>, item: MenuItem) {
  await getRestaurant(db, item.restaurant_id)
  return await db.insertInto('menu_items').values(item).returningAll().executeTakeFirstOrThrow()
}

export async function updateMenuItem (db: Kysely<Database>, id: number, changes: Updateable<Database['menu_items']>) {
  const row = await db.updateTable('menu_items').set({ ...changes, updated_at: new Date() })
    .where('id', '=', id).returningAll().executeTakeFirst()
  return found(row, 'menu item', id)
}

export async function deleteMenuItem (db: Kysely<Database>, id: number) {
  const row = await db.deleteFrom('menu_items').where('id', '=', id).returning(['id', 'name']).executeTakeFirst()
  return { deleted: found(row, 'menu item', id) }
}
