import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import type { Environment } from '../env-values.ts'
import { MisuseError, type Terminal } from './terminal.ts'

/**
 * The environment, and what a file `.env` in the working directory adds to it: as with `node --env-file`, what is set already counts.
 *
 * @throws {MisuseError} where there is such a file that can't be read.
 */
export function environmentOf ({ cwd, env }: Terminal): Environment {
  const file = join(cwd, '.env')
  try {
    return { ...parseEnv(readFileSync(file, 'utf8')), ...env }
  } catch (error) {
    const { code }: { code?: unknown } = Object(error)
    if (code === 'ENOENT') return env
    throw new MisuseError(`${file} can not be read (${String(code)}); correct that, or add --no-env-file`)
  }
}
