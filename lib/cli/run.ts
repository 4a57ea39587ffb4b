import { CommanderError } from 'commander'
import { InvalidOptionError, OAuthError, StorageUnavailableError } from '../errors.ts'
import { tell } from './output.ts'
import { createProgram } from './program.ts'
import { exitCodes, MisuseError, RefusedError, type Terminal } from './terminal.ts'

/** Whatever goes wrong is one sentence. */
function report (terminal: Terminal, error: unknown): number {
  // It has told so itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.misused
  if (error instanceof StorageUnavailableError) {
    tell(terminal, `error: ${error.message}; is the database up, and DATABASE_URL right?`)
    return exitCodes.unavailable
  }
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof MisuseError || error instanceof InvalidOptionError) {
    tell(terminal, `error: ${message}`)
    return exitCodes.misused
  }
  tell(terminal, error instanceof RefusedError || error instanceof OAuthError ? `error: ${message}` : `error: something went wrong: ${message}`)
  return exitCodes.refused
}

/**
 * Runs a command.
 *
 * @param parameters without those that name Node and the program
 * @returns the code to exit with: one of `exitCodes`
 */
export async function run (parameters: readonly string[], terminal: Terminal): Promise<number> {
  // Whoever reads has enough, as in a pipe to head.
  terminal.stdout.on('error', () => {})
  try {
    await createProgram(terminal).parseAsync(parameters, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    return report(terminal, error)
  }
}
