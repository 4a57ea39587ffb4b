import { readFile, writeFile } from 'node:fs/promises'

/** What issue and docs promise of a figure. */
export interface Target {
  what: string
  reached: number
  atLeast?: number
  atMost?: number
}

/** What one part of the benchmarks found out. */
export interface Result {
  title: string
  rows: Record<string, Record<string, number | string>>
  targets: Target[]
}

export function isReached ({ reached, atLeast = -Infinity, atMost = Infinity }: Target): boolean {
  return reached >= atLeast && reached <= atMost
}

export function print ({ title, rows, targets }: Result): void {
  console.log(`\n${title}`)
  console.table(rows)
  for (const target of targets) {
    const bound = target.atLeast === undefined ? `at most ${target.atMost}` : `at least ${target.atLeast}`
    console.log(`${isReached(target) ? 'reached' : 'MISSED '} ${target.what}: ${target.reached.toFixed(3)}, ${bound}`)
  }
}

/** Puts what was found out into the file, in the place of what the same parts said before, and of all that can't be read. */
export async function write (file: string, settings: object, results: Readonly<Record<string, Result>>): Promise<void> {
  const before = await readFile(file, 'utf8').then(text => JSON.parse(text) as object).catch(() => ({}))
  const about = { at: new Date().toISOString(), node: process.version, settings }
  const now = Object.fromEntries(Object.entries(results).map(([name, result]) => [name, { ...about, ...result }]))
  await writeFile(file, JSON.stringify({ ...before, ...now }, null, 2) + '\n')
}
