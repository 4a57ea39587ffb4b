import { startDatabase } from './database.ts'
import { measureEndpoints } from './endpoints/measure.ts'
import { measureGrowth } from './growth/measure.ts'
import { measureAsking, measureWarm } from './guard/measure.ts'
import { measureMemory } from './memory/measure.ts'
import { isReached, print, write, type Result } from './report.ts'
import { readSettings } from './settings.ts'
import { measureSizes } from './sizes/measure.ts'
import { measureStart } from './start/measure.ts'

/**
 * What a login costs, beside what others cost, in one run: prints tables and writes `benchmarks/results.json`.
 *
 *     npm run bench -- [--only warm,asking,endpoints,growth,sizes,memory,start] [--rounds 5] [--seconds 3] [--requests 3000] [--connections 16] [--assert]
 *
 * `--assert` exits with 1 where a target is missed.
 */

const settings = readSettings(process.argv.slice(2))
const database = await startDatabase()
const parts: Record<string, () => Promise<Result>> = {
  warm: async () => await measureWarm(database, settings),
  asking: async () => await measureAsking(database, settings),
  endpoints: async () => await measureEndpoints(database, settings),
  growth: async () => await measureGrowth(database, settings),
  sizes: async () => await measureSizes(database),
  memory: async () => await measureMemory(settings),
  start: async () => await measureStart(settings)
}
const results: Record<string, Result> = {}
try {
  for (const name of settings.only) {
    const measurePart = parts[name]
    if (measurePart === undefined) throw new Error(`--only: there is no part ${name}; there are ${Object.keys(parts).join(', ')}`)
    const result = await measurePart()
    print(result)
    results[name] = result
  }
} finally {
  await database.stop()
}
const { only, assert, out, ...measure } = settings
await write(out, measure, results)
if (assert && !Object.values(results).every(({ targets }) => targets.every(isReached))) process.exitCode = 1
