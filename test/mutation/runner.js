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
  /** What killed the last mutant of a file is likely to kill the next. */
  #lastKillers = new Map()

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
    const near = file => file === this.#lastKillers.get(mutated) ? -1 : distance(file, mutated)
    const files = testFilter.toSorted((one, other) => near(one) - near(other))
    for (const file of files) {
      const { status, id, failureMessage } = await this.#run(file)
      if (stryker.hitCount > hitLimit) return { status: 'timeout', reason: `hit more than ${hitLimit} times` }
      if (status === failed) {
        this.#lastKillers.set(mutated, file)
        return { status: 'killed', killedBy: [id], failureMessage, nrOfTests: files.indexOf(file) + 1 }
      }
    }
    return { status: 'survived', nrOfTests: files.length }
  }

  async #run (file) {
    const start = performance.now()
    const failureMessage = await runTestFile(file)
    const test = { id: file, name: file, fileName: file, timeSpentMs: performance.now() - start }
    return failureMessage === undefined ? { ...test, status: success } : { ...test, status: failed, failureMessage }
  }
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'tap-in-process', factory: () => new InProcessTapRunner() }]
