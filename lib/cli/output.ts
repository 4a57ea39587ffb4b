import { displayText } from '../oauth/text.ts'
import type { Terminal } from './terminal.ts'

/** A column's heading, and what a row has in it; null for nothing. */
export type Columns<Row> = ReadonlyArray<readonly [heading: string, cell: (row: Row) => string | Date | null]>

const graphemes = new Intl.Segmenter()
// What terminals give two columns. https://www.unicode.org/reports/tr11/
const wide = /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u

function widthOf (text: string): number {
  return [...graphemes.segment(text)].reduce((width, { segment }) => width + (wide.test(segment) ? 2 : 1), 0)
}

/** To the minute, in UTC. */
export function minute (date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')}Z`
}

/** To the second, in UTC. */
export function second (date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** Much of it comes from outside: nothing that moves a cursor, hides or changes direction gets to a terminal. */
function cellText (cell: string | Date | null): string {
  if (cell === null) return '-'
  return cell instanceof Date ? minute(cell) : displayText(cell, 200)
}

/** Makes texts as wide as the widest of them. */
function fitTo (texts: readonly string[]): (text: string) => string {
  const width = texts.reduce((most, text) => Math.max(most, widthOf(text)), 0)
  return text => text + ' '.repeat(width - widthOf(text))
}

/** Rows under their headings. */
export function table<Row> (rows: readonly Row[], columns: Columns<Row>): string {
  const fitted = columns.map(([heading, cell]) => {
    const textOf = (row: Row) => cellText(cell(row))
    return { heading, textOf, fit: fitTo([heading, ...rows.map(textOf)]) }
  })
  const lines = [fitted.map(({ heading, fit }) => fit(heading)), ...rows.map(row => fitted.map(({ textOf, fit }) => fit(textOf(row))))]
  return lines.map(cells => `${cells.join('  ').trimEnd()}\n`).join('')
}

/** One row, a line for each column. */
export function sheet<Row> (row: Row, columns: Columns<Row>): string {
  const fit = fitTo(columns.map(([heading]) => heading))
  return columns.map(([heading, cell]) => `${fit(heading)}  ${cellText(cell(row))}`.trimEnd() + '\n').join('')
}

/** Whatever a terminal might take for a command, as JSON escapes it. */
function escaped (text: string): string {
  return text.replaceAll(/[^\P{C}\n]|\p{Zl}|\p{Zp}/gu, characters =>
    Array.from({ length: characters.length }, (_, index) => `\\u${characters.charCodeAt(index).toString(16).padStart(4, '0')}`).join(''))
}

/** For programs. */
export function json (value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2))}\n`
}

/** For programs that read a value a line. */
export function jsonLine (value: unknown): string {
  return `${escaped(JSON.stringify(value))}\n`
}

/** A sentence for people, beside what a command prints. */
export function tell ({ stderr }: Terminal, sentence: string): void {
  stderr.write(`${displayText(sentence, 2000)}\n`)
}
