import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    files: ['lib/**/*.ts'],
    rules: { 'no-console': 'error', 'no-nested-ternary': 'error' }
  }
]
