import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median } from '../compare.ts'
import type { Result } from '../report.ts'
import type { Settings } from '../settings.ts'

const run = promisify(execFile)

/** What a process says that nothing has warmed up, in milliseconds. */
async function timeOf (script: string, ...given: string[]): Promise<number> {
  const { stdout } = await run(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...given])
  return Number(stdout)
}

/** How long it takes until a process serves. */
export async function measureStart ({ rounds }: Settings): Promise<Result> {
  const scripts = {
    'import fastify': ['imports.js', 'fastify'],
    'import fastify-mcp-oauth': ['imports.js', 'fastify-mcp-oauth'],
    'ready, unprotected': ['unreachable.js', 'unprotected'],
    'ready, provider unreachable': ['unreachable.js', 'protected'],
    'ready again, unprotected': ['unreachable.js', 'unprotected', 'again'],
    'ready again, provider unreachable': ['unreachable.js', 'protected', 'again']
  } as const
  const times = new Map<string, number[]>()
  for (let round = 0; round <= rounds; round++) {
    for (const [name, [script, ...given]] of Object.entries(scripts)) {
      const time = await timeOf(script, ...given)
      if (round > 0) times.set(name, [...times.get(name) ?? [], time])
    }
  }
  const of = (name: keyof typeof scripts) => median(times.get(name) ?? [])
  const ratios = (times.get('import fastify-mcp-oauth') ?? []).map((time, round) => time / (times.get('import fastify')?.[round] ?? NaN))
  return {
    title: 'start, in a fresh process',
    rows: Object.fromEntries([...times.keys()].map(name => [name, { ms: Math.round(of(name as keyof typeof scripts)) }])),
    targets: [
      { what: 'import, times as long as import of fastify', reached: median(ratios), atMost: 1 },
      { what: 'start with its provider unreachable, ms of ours, with loading the code and making keys', reached: of('ready, provider unreachable') - of('ready, unprotected'), atMost: 100 },
      { what: 'start with its provider unreachable, ms of ours, without', reached: of('ready again, provider unreachable') - of('ready again, unprotected'), atMost: 100 }
    ]
  }
}
