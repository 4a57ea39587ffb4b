import { readFileSync, writeFileSync } from 'node:fs'

type Names = Record<string, string>

interface LockedPackage {
  version?: string
  dev?: boolean
  devOptional?: boolean
  peer?: boolean
  dependencies?: Names
  devDependencies?: Names
  optionalDependencies?: Names
  peerDependencies?: Names
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

interface Lock { lockfileVersion: number, packages: Record<string, LockedPackage> }

const root = new URL('../../../', import.meta.url)

function readJson (path: string) {
  return JSON.parse(readFileSync(new URL(path, root), 'utf8'))
}

/** Where Node finds a package that the one at this path imports. */
function resolve (packages: Lock['packages'], name: string, from: string): string | undefined {
  const path = `${from === '' ? '' : `${from}/`}node_modules/${name}`
  if (packages[path] !== undefined) return path
  return from === '' ? undefined : resolve(packages, name, from.replace(/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/, ''))
}

/** What a package needs to be there. */
function needsOf ({ dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} }: LockedPackage): string[] {
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)]
}

/** The lock file of the image: of that of the checkout the part that runs there, so that it is what is tested here. */
export function lockOfImage (): string {
  const { version, dependencies, peerDependencies, peerDependenciesMeta, engines, license, bin } = readJson('package.json')
  const { packages, lockfileVersion }: Lock = readJson('package-lock.json')
  const image = readJson('examples/restaurant/deploy/package.json')
  const plugin = { version, resolved: 'file:../../..', license, dependencies, bin, engines, peerDependencies, peerDependenciesMeta }
  const locked: Lock['packages'] = { 'node_modules/fastify-mcp-oauth': plugin }

  function lock (name: string, from: string, dev: boolean): void {
    const path = resolve(packages, name, from)
    if (path === undefined) throw new Error(`${name} is not in package-lock.json`)
    const known = locked[path]
    if (known !== undefined && (dev || known.dev !== true)) return
    const { dev: _, devOptional, peer, ...entry } = packages[path] ?? {}
    locked[path] = { ...entry, ...dev && { dev } }
    for (const need of needsOf(entry)) lock(need, path, dev)
  }

  for (const name of [...Object.keys(image.dependencies), ...needsOf(plugin)]) if (name !== 'fastify-mcp-oauth') lock(name, '', false)
  for (const name of Object.keys(image.devDependencies)) lock(name, '', true)
  const { name, dependencies: needed, devDependencies } = image
  const own = { name, version: image.version, dependencies: needed, devDependencies }
  const sorted = Object.fromEntries(Object.entries(locked).sort(([one], [other]) => one < other ? -1 : 1))
  return `${JSON.stringify({ name, version: image.version, lockfileVersion, requires: true, packages: { '': own, ...sorted } }, null, 2)}\n`
}

if (process.argv[1] === import.meta.filename) writeFileSync(new URL('examples/restaurant/deploy/package-lock.json', root), lockOfImage())
