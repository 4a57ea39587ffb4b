import type { Kysely, Updateable } from 'kysely'
import { found, getRestaurant } from './restaurants.ts'
import type { Database, OrderItem } from './schema.ts'

/** Who calls a tool. */
export interface Caller {
  id: string
  email: string
}

export interface NewOrder {
  restaurant_id: number
  items: ReadonlyArray<{ menu_item_id: number, quantity: number }>
  note: string
}

export async function listOrders (db: Kysely<Database>, restaurantId: number | undefined) {
  const all = db.selectFrom('orders').selectAll().orderBy('id')
  const query = restaurantId === undefined ? all : all.where('restaurant_id', '=', restaurantId)
  return await query.execute()
}

export async function getOrder (db: Kysely<Database>, id: number) {
  const row = await db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst()
  return found(row, 'order', id)
}

export async function createOrder (db: Kysely<Database>, order: NewOrder, caller: Caller | undefined) {
  await getRestaurant(db, order.restaurant_id)
  const menu = await db.selectFrom('menu_items').select(['id', 'name', 'price_cents'])
    .where('restaurant_id', '=', order.restaurant_id).execute()
  const items = order.items.map(({ menu_item_id: id, quantity }): OrderItem => {
    const item = found(menu.find((candidate) => candidate.id === id), 'menu item', id)
    return { menu_item_id: id, name: item.name, price_cents: item.price_cents, quantity }
  })
  return await db.insertInto('orders').values({
    restaurant_id: order.restaurant_id,
    items: JSON.stringify(items),
    total_cents: items.reduce((total, item) => total + item.price_cents * item.quantity, 0),
    status: 'placed',
    note: order.note,
    ordered_by_id: caller?.id ?? null,
    ordered_by_email: caller?.email ?? null
  }).returningAll().executeTakeFirstOrThrow()
}

export async function updateOrder (db: Kysely<Database>, id: number, changes: Updateable<Database['orders']>) {
  const row = await db.updateTable('orders').set({ ...changes, updated_at: new Date() })
    .where('id', '=', id).returningAll().executeTakeFirst()
  return found(row, 'order', id)
}

export async function deleteOrder (db: Kysely<Database>, id: number) {
  const row = await db.deleteFrom('orders').where('id', '=', id).returning('id').executeTakeFirst()
  return { deleted: found(row, 'order', id) }
}
