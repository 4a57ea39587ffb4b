import crypto from 'node:crypto'
import { resolve } from 'node:path'
import { mock } from 'node:test'
import timersPromises from 'node:timers/promises'
import { promisify } from 'node:util'
// Not `tap`: its own root test would write to stdout, and to whoever started this process. `@tapjs/test` can't be loaded first.
import '@tapjs/core'
import { Test } from '@tapjs/test'
import { evaluateAnew } from './modules.js'

const realTimers = { ...timersPromises }
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

/** In milliseconds: how long a file that has failed may take to put things in order. */
const grace = 500

/**
 * Runs a test file within this process, under a tap of its own, up to what fails first: whatever hangs after that is left behind.
 *
 * @param {string} file
 * @param {number} patience in milliseconds: what takes longer has failed
 * @returns what failed, or undefined where nothing did
 */
export async function runTestFile (file, patience = 120_000) {
  const t = new Test({ name: file, timeout: 120_000 })
  const failures = []
  let tell
  const failed = new Promise(resolve => { tell = resolve })
  const complete = new Promise(resolve => t.once('complete', resolve))
  const fail = what => {
    failures.push(what)
    tell()
  }
  const crash = error => { fail(String(error)) }
  t.parser.on('fail', ({ fullname, name }) => { fail(`${fullname}: ${name}`) })
  // What comes after a failure would only tell the same once more.
  const { test } = t
  t.test = (...given) => test.apply(t, given.map(part => typeof part === 'function' ? async child => failures.length === 0 ? await part(child) : undefined : part))
  t.resume()
  t.runMain(() => {})
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  // Before anything of the file runs: tests may count timers.
  const late = setTimeout(fail, patience, `took longer than ${patience} ms`)
  evaluateAnew(resolve(file), {
    tap: { __esModule: true, default: t },
    // Modules of Node's own loader keep what they imported, whatever a test's mocked timers do.
    'node:timers/promises': realTimers,
    'node:crypto': Object.create(crypto, { generateKeyPair: { value: generateKeyPair } })
  }).catch(crash).then(() => { t.end() })
  await Promise.race([complete, failed.then(async () => { await Promise.race([complete, realTimers.setTimeout(grace)]) })])
  clearTimeout(late)
  process.off('uncaughtException', crash)
  process.off('unhandledRejection', crash)
  if (failures.length === 0) return t.passing() ? undefined : 'failed'
  mock.reset()
  mock.timers.reset()
  return failures.join('\n')
}
