import type { PageRequest } from '../records.ts'

/** A page of a list. What comes out is copied. */
export function pageOf<Row> (rows: readonly Row[], { search = '', offset = 0, limit }: PageRequest, textOf: (row: Row) => string): Row[] {
  const found = rows.filter(row => textOf(row).toLowerCase().includes(search.toLowerCase()))
  return structuredClone(found.slice(offset, offset + limit))
}
