import crypto from 'node:crypto'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
// Not `tap`: its own root test would write to stdout, and to whoever started this process. `@tapjs/test` can't be loaded first.
import '@tapjs/core'
import { Test } from '@tapjs/test'
import { evaluateAnew } from './modules.js'

const keyPairs = new Map()

/** Making an RSA key takes longer than all the rest of a start: every start gets the same. */
function generateKeyPair () {
  throw new Error('only the promisified form is there')
}
generateKeyPair[promisify.custom] = (...given) => {
  const kind = JSON.stringify(given)
  if (!keyPairs.has(kind)) keyPairs.set(kind, promisify(crypto.generateKeyPair)(...given))
  return keyPairs.get(kind)
}

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
    await evaluateAnew(resolve(file), {
      tap: { __esModule: true, default: t },
      'node:crypto': Object.create(crypto, { generateKeyPair: { value: generateKeyPair } })
    })
  } catch (error) {
    fail(error)
  }
  t.end()
  await complete
  process.off('uncaughtException', fail)
  return t.passing() ? undefined : failures.join('\n') || 'failed'
}
