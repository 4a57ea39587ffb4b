import { relative } from 'node:path'
import { runTestFile } from './test-file.js'

/** @import { TestRunner } from '@stryker-mutator/api/test-runner' */

/** Stryker's own name for where instrumented code meets it. */
const meetingPlace = '__stryker__'

const success = 0
const failed = 1

/** How near a test file is to what is mutated: its own test first, then those of its folder. */
function distance (testFile, mutatedFile) {
  const [, folder, name] = /([^/]+)\/([^/]+)\.ts$/.exec(mutatedFile) ?? []
  return [`/${folder}/${name}.`, `/${folder}/properties/${name}.`, `/${folder}/`, ''].findIndex(part => testFile.includes(part))
}

/**
 * Runs test files one after the other in Stryker's own child process. A process for each file and mutant, as Stryker's runner for tap has it, takes
 * five to thirty times as long. Each run evaluates all of our modules anew, so that nothing of a mutant survives it, and mutants of constants count.
 *
 * @implements {TestRunner}
 */
class InProcessTapRunner {
  /** How many mutants of a file each test file has killed: what did is likely to do so again. */
  #kills = new Map()
  /** How long each test file takes, in milliseconds. */
  #durations = new Map()

  capabilities () {
    return { reloadEnvironment: true }
  }

  async dryRun ({ testFiles }) {
    const stryker = globalThis[meetingPlace] ??= {}
    const tests = []
    for (const file of testFiles.map(testFile => relative('', testFile))) {
      // What runs while a file is loaded belongs to it as well.
      stryker.currentTestId = file
      tests.push(await this.#run(file))
    }
    delete stryker.currentTestId
    return { status: 'complete', tests, mutantCoverage: stryker.mutantCoverage }
  }

  async mutantRun ({ activeMutant, hitLimit, testFilter }) {
    const stryker = Object.assign(globalThis[meetingPlace] ??= {}, { activeMutant: activeMutant.id, hitLimit, hitCount: 0 })
    const mutated = activeMutant.fileName
    const kills = this.#kills.get(mutated) ?? new Map()
    this.#kills.set(mutated, kills)
    const ranks = file => [-(kills.get(file) ?? 0), distance(file, mutated), this.#durations.get(file) ?? 0]
    const files = testFilter.map(file => ({ file, ranks: ranks(file) }))
      .sort((one, other) => one.ranks.map((rank, index) => rank - other.ranks[index]).find(difference => difference !== 0) ?? 0)
      .map(({ file }) => file)
    for (const file of files) {
      const { status, id, failureMessage } = await this.#run(file)
      if (stryker.hitCount > hitLimit) return { status: 'timeout', reason: `hit more than ${hitLimit} times` }
      if (status === failed) {
        kills.set(file, (kills.get(file) ?? 0) + 1)
        return { status: 'killed', killedBy: [id], failureMessage, nrOfTests: files.indexOf(file) + 1 }
      }
    }
    return { status: 'survived', nrOfTests: files.length }
  }

  async #run (file) {
    const start = performance.now()
    const usual = this.#durations.get(file)
    const failureMessage = await runTestFile(file, usual === undefined ? undefined : 5000 + 3 * usual)
    const test = { id: file, name: file, fileName: file, timeSpentMs: performance.now() - start }
    if (failureMessage === undefined) this.#durations.set(file, test.timeSpentMs)
    return failureMessage === undefined ? { ...test, status: success } : { ...test, status: failed, failureMessage }
  }
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'tap-in-process', factory: () => new InProcessTapRunner() }]
