import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    files: ['lib/**/*.ts'],
    rules: { 'no-console': 'error', 'no-nested-ternary': 'error' }
  },
  {
    files: ['test/**/*.ts'],
    ignores: ['test/fixtures/property.ts'],
    rules: { 'no-restricted-imports': ['error', { name: 'fast-check', message: 'Import { fc } from fixtures/property.ts: there, texts get as long as they may be.' }] }
  }
]
