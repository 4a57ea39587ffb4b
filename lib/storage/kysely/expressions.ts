import { sql, type RawBuilder } from 'kysely'

/** The e-mail in a column as it is compared, in the very words of the index. */
export function foldedColumn (column: string): RawBuilder<string> {
  return fold(sql.ref(column))
}

/** An e-mail as it is compared. `COLLATE "C"`: whatever the database's locale, no letter folds into another one's. */
export function fold (email: unknown): RawBuilder<string> {
  return sql<string>`lower(btrim(${email}, E' \\t\\n\\r') COLLATE "C")`
}

/** Whether a column has the text somewhere in it, in whatever case. */
export function contains (column: string, text: string): RawBuilder<boolean> {
  return sql<boolean>`strpos(lower(${sql.ref(column)}), lower(${text})) > 0`
}

/** A row as one column; null where an outer join found none. */
export function whole<Row> (table: string): RawBuilder<Row> {
  return sql<Row>`pg_catalog.to_jsonb(${sql.ref(table)}.*)`
}
