import { resolve } from 'node:path'
// Not `tap`: its own root test would write to stdout, and to whoever started this process. `@tapjs/test` can't be loaded first.
import '@tapjs/core'
import { Test } from '@tapjs/test'
import { evaluateAnew } from './modules.js'

/**
 * Runs a test file within this process, under a tap of its own.
 *
 * @param {string} file
 * @returns what failed, or undefined where nothing did
 */
export async function runTestFile (file) {
  const t = new Test({ name: file, timeout: 120_000 })
  const failures = []
  const complete = new Promise(resolve => t.once('complete', resolve))
  t.parser.on('fail', ({ fullname, name }) => failures.push(`${fullname}: ${name}`))
  t.resume()
  t.runMain(() => {})
  const fail = error => t.threw(error)
  process.on('uncaughtException', fail)
  try {
    await evaluateAnew(resolve(file), { tap: { __esModule: true, default: t } })
  } catch (error) {
    fail(error)
  }
  t.end()
  await complete
  process.off('uncaughtException', fail)
  return t.passing() ? undefined : failures.join('\n') || 'failed'
}
