import type { Readable, Writable } from 'node:stream'
import type { Environment } from '../env-values.ts'

/** What a command has around it. */
export interface Terminal {
  stdin: Readable & { isTTY?: boolean }
  stdout: Writable & { isTTY?: boolean }
  stderr: Writable & { isTTY?: boolean }
  env: Environment
  /** The working directory. */
  cwd: string
}

/** What a command ends with. */
export const exitCodes = { done: 0, refused: 1, misused: 2, unavailable: 3 } as const

/** What was asked for is not there, or not allowed. Its message is what the operator reads. */
export class RefusedError extends Error {}

/** The command was given in a way that it can't be. Its message says what to do. */
export class MisuseError extends Error {}
