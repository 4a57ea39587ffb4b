import { availableParallelism } from 'node:os'

/** @import { PartialStrykerOptions } from '@stryker-mutator/api/core' */

/** @type {PartialStrykerOptions} */
export default {
  mutate: ['lib/{oauth,grants,clients,guard}/**/*.ts'],
  plugins: ['./test/mutation/runner.js'],
  testRunner: 'tap-in-process',
  // What needs Chromium, processes of its own or a database that goes away takes too long for each mutant.
  testFiles: [
    'test/{oauth,clients,guard}/**/*.test.ts',
    'test/options/**/!(start).test.ts',
    'test/grants/**/!(whitelist).test.ts',
    'test/routes/**/!(storage-down).test.ts',
    'test/attacks/**/!(in-chromium*|races).test.ts'
  ],
  coverageAnalysis: 'perTest',
  concurrency: Math.max(1, availableParallelism() - 1),
  timeoutMS: 20_000,
  dryRunTimeoutMinutes: 15,
  thresholds: { high: 95, low: 85, break: 85 },
  reporters: ['clear-text', 'progress', 'json', 'html'],
  clearTextReporter: { reportTests: false },
  ignorePatterns: ['.cache', '.stryker', '.tap', 'coverage', 'data', 'dist'],
  tempDirName: '.stryker/temporary',
  jsonReporter: { fileName: '.stryker/report.json' },
  htmlReporter: { fileName: '.stryker/report.html' },
  incrementalFile: '.stryker/incremental.json',
  cleanTempDir: 'always'
}
