import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileFunction } from 'node:vm'
import ts from 'typescript'

const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023, esModuleInterop: true }
const parameters = ['exports', 'require']

/** Functions that fill `exports`, by path. What is compiled once is run as often as it takes. */
const compiled = new Map()

function compile (path) {
  const known = compiled.get(path)
  if (known !== undefined) return known
  const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), { compilerOptions, fileName: path })
  const source = outputText.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path)))
  // Test files await at their top level, others do not: those have to be there as soon as they are required.
  const code = path.endsWith('.test.ts') ? `return (async () => {${source}\n})()` : source
  const evaluate = compileFunction(code, parameters, { filename: path })
  compiled.set(path, evaluate)
  return evaluate
}

/**
 * Evaluates a test file and all of the project's modules that it imports anew, so that a mutant of a constant is seen as well. Packages are
 * loaded once. Everything is CommonJS on the way, because modules of Node's own loader can't be unloaded.
 *
 * @param {string} testFile an absolute path
 * @param {Record<string, unknown>} replaced what some imports get instead
 */
export async function evaluateAnew (testFile, replaced) {
  const evaluated = new Map()

  function load (path) {
    const known = evaluated.get(path)
    if (known !== undefined) return known
    const exports = {}
    evaluated.set(path, exports)
    const require = createRequire(path)
    const result = compile(path)(exports, specifier => {
      if (Object.hasOwn(replaced, specifier)) return replaced[specifier]
      const local = resolve(dirname(path), specifier)
      return specifier.startsWith('.') && local.endsWith('.ts') && existsSync(local) ? load(local) : require(specifier)
    })
    return path === testFile ? result : exports
  }

  await load(testFile)
}
