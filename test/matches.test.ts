import { relative } from 'node:path'
import t from 'tap'
import ts from 'typescript'

// `t.match` takes any Date for any other, and any URL: `t.hasStrict` and `t.strictSame` compare them.

const blind = new Set(['Date', 'URL'])
const matching = new Set(['match', 'rejects', 'throws'])

const configFile = new URL('tsconfig.json', import.meta.url).pathname
const { options, fileNames } = ts.parseJsonConfigFileContent(ts.readConfigFile(configFile, ts.sys.readFile).config, ts.sys, import.meta.dirname)
const program = ts.createProgram(fileNames, options)
const checker = program.getTypeChecker()

/** Whether one of the values that a pattern is made of is compared to nothing. */
function isBlind (type: ts.Type, seen = new Set<ts.Type>()): boolean {
  if (seen.has(type)) return false
  seen.add(type)
  if (blind.has(type.symbol?.name)) return true
  if (type.isUnionOrIntersection()) return type.types.some(each => isBlind(each, seen))
  if (checker.isArrayType(type) || checker.isTupleType(type)) return checker.getTypeArguments(type as ts.TypeReference).some(each => isBlind(each, seen))
  // Functions stand for their instances, and are compared as such.
  if ((type.flags & ts.TypeFlags.Object) === 0 || type.symbol?.name === 'RegExp' || type.getCallSignatures().length + type.getConstructSignatures().length > 0) return false
  return checker.getPropertiesOfType(type).some(property =>
    property.valueDeclaration !== undefined && isBlind(checker.getTypeOfSymbolAtLocation(property, property.valueDeclaration), seen))
}

/** The calls in a file that would pass with another date. */
function blindMatches (file: ts.SourceFile): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && matching.has(node.expression.name.text)) {
      const pattern = node.arguments[1]
      if (pattern !== undefined && isBlind(checker.getTypeAtLocation(pattern))) {
        found.push(`${relative('', file.fileName)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`)
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

// Passes: the one call that has to be found.
t.match(new Date(1), new Date(2))

t.test('no other test matches dates or URLs by a pattern that takes any', async t => {
  const files = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(import.meta.dirname))
  t.ok(files.length > 200)
  const [own, ...others] = files.flatMap(blindMatches)
  t.match(own, /matches\.test\.ts:\d+$/)
  t.strictSame(others, [])
})
