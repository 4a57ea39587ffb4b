import { sql, type ColumnType, type Generated, type Kysely } from 'kysely'

export interface OrderItem {
  menu_item_id: number
  name: string
  price_cents: number
  quantity: number
}

interface Timestamps {
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export interface Database {
  restaurants: Timestamps & {
    id: Generated<number>
    name: string
    cuisine: string
    address: string
    description: string
  }
  menu_items: Timestamps & {
    id: Generated<number>
    restaurant_id: number
    name: string
    description: string
    price_cents: number
  }
  orders: Timestamps & {
    id: Generated<number>
    restaurant_id: number
    /** As they were when the order was placed. */
    items: ColumnType<OrderItem[], string, string>
    total_cents: number
    status: string
    note: string
    /** Who ordered. Null while nobody has to sign in. */
    ordered_by_id: string | null
    ordered_by_email: string | null
  }
}

const tables = [
  sql`create table restaurants (
    id integer generated always as identity primary key,
    name text not null, cuisine text not null, address text not null, description text not null,
    created_at timestamptz not null default now(), updated_at timestamptz not null default now())`,
  sql`create table menu_items (
    id integer generated always as identity primary key,
    restaurant_id integer not null references restaurants on delete cascade,
    name text not null, description text not null, price_cents integer not null,
    created_at timestamptz not null default now(), updated_at timestamptz not null default now())`,
  sql`create table orders (
    id integer generated always as identity primary key,
    restaurant_id integer not null references restaurants on delete cascade,
    items jsonb not null, total_cents integer not null, status text not null, note text not null,
    ordered_by_id text, ordered_by_email text,
    created_at timestamptz not null default now(), updated_at timestamptz not null default now())`
]

const firstRestaurants = [
  {
    name: 'Trattoria Lucia',
    cuisine: 'Italian',
    address: '12 Via Roma',
    description: 'Pasta made every morning',
    menu: [['Bruschetta', 'Tomato, basil, garlic', 650], ['Tagliatelle al ragù', 'Slow-cooked beef', 1480], ['Tiramisù', 'Made in the house', 720]]
  },
  {
    name: 'Sakura',
    cuisine: 'Japanese',
    address: '8 Cherry Lane',
    description: 'A small sushi bar',
    menu: [['Miso soup', 'Tofu, wakame', 480], ['Salmon nigiri', 'Six pieces', 1350], ['Vegetable tempura', 'With dipping sauce', 1190]]
  },
  {
    name: 'El Camino',
    cuisine: 'Mexican',
    address: '31 Market Square',
    description: 'Street food with a roof',
    menu: [['Guacamole', 'With corn chips', 790], ['Tacos al pastor', 'Three of them', 1120], ['Churros', 'With chocolate', 590]]
  }
] satisfies Array<{ name: string, cuisine: string, address: string, description: string, menu: Array<[string, string, number]> }>

/** Creates the restaurant's tables and what is in them to begin with, unless they are there. */
export async function createTables (db: Kysely<Database>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // One replica at a time: `create table if not exists` can fail when two start at once.
    await sql`select pg_advisory_xact_lock(hashtext('restaurant'))`.execute(trx)
    const existing = await sql<{ there: boolean }>`select to_regclass('restaurants') is not null as there`.execute(trx)
    if (existing.rows[0]?.there === true) return
    for (const table of tables) await table.execute(trx)
    for (const { menu, ...restaurant } of firstRestaurants) {
      const { id } = await trx.insertInto('restaurants').values(restaurant).returning('id').executeTakeFirstOrThrow()
      await trx.insertInto('menu_items')
        .values(menu.map(([name, description, price]) => ({ restaurant_id: id, name, description, price_cents: price })))
        .execute()
    }
  })
}
