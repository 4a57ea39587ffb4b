import { createInterface } from 'node:readline'
import { displayText } from '../oauth/text.ts'
import { MisuseError, RefusedError, type Terminal } from './terminal.ts'

async function firstLine (input: Terminal['stdin']): Promise<string> {
  const lines = createInterface({ input })
  const { value = '' } = await lines[Symbol.asyncIterator]().next()
  lines.close()
  return value
}

/**
 * Asks before something goes that does not come back.
 *
 * @param what the command would do, as the beginning of a question
 * @param isSure whether `--yes` was given
 * @throws {RefusedError} where the answer is not yes.
 * @throws {MisuseError} where there is nobody to ask.
 */
export async function confirm ({ stdin, stderr }: Terminal, what: string, isSure: boolean): Promise<void> {
  if (isSure) return
  if (stdin.isTTY !== true) throw new MisuseError('this can not be undone, and there is nobody to ask here; add --yes')
  stderr.write(`${displayText(what, 500)}? [y/N] `)
  if (!/^\s*y(?:es)?\s*$/i.test(await firstLine(stdin))) throw new RefusedError('nothing was changed')
}
