import { InvalidOptionError } from '../errors.ts'
import type { Need, ResolvedAccessRule, ResolvedOptions } from '../resolved-options.ts'

/** What all rules that speak about one route ask of its callers. */
export interface Requirement extends Need {
  /** The audience of their tokens. */
  readonly resource: string
  /** All scopes that can be asked for at the resource. */
  readonly offered: readonly string[]
  /** What the calls of tools need besides. */
  readonly tools: ReadonlyMap<string, Need>
}

/** What several rules ask together. */
export function combineNeeds (needs: readonly Need[]): Need {
  return { scopes: [...new Set(needs.flatMap(({ scopes }) => scopes))], roles: needs.flatMap(({ roles }) => roles) }
}

function combineTools (rules: ReadonlyArray<Pick<Requirement, 'tools'>>): ReadonlyMap<string, Need> {
  const names = new Set(rules.flatMap(({ tools }) => [...tools.keys()]))
  return new Map([...names].map(name => [name, combineNeeds(rules.flatMap(({ tools }) => tools.get(name) ?? []))]))
}

/**
 * What the rules about one place ask together. Those that name no resource follow the one that does.
 *
 * @throws {InvalidOptionError} where no token could satisfy them all.
 */
export function combineRules (options: ResolvedOptions, rules: readonly ResolvedAccessRule[], place: string): Requirement {
  const [resource = options.resource, ...others] = new Set(rules.flatMap(rule => rule.resource ?? []))
  if (others.length > 0) throw new InvalidOptionError('resource', `${place} has rules for ${[resource, ...others].join(' and ')}; a token is for one of them`)
  const known = options.resources.get(resource)
  if (known === undefined) {
    throw new InvalidOptionError('resource', `${resource} is not known; it must be that of a rule in protect, or one of ${[...options.resources.keys()].join(', ')}`)
  }
  const need = combineNeeds(rules)
  const tools = combineTools(rules)
  const foreign = [need, ...tools.values()].flatMap(({ scopes }) => scopes).find(scope => !known.scopes.includes(scope))
  if (foreign !== undefined) {
    throw new InvalidOptionError('scopes', `${place} needs ${foreign}, which belongs to another resource than ${resource}; name it in a rule of protect for this one too`)
  }
  return { ...need, tools, resource, offered: known.scopes }
}

/** What two ask that are about the same resource. */
export function mergeRequirements (one: Requirement, other: Requirement): Requirement {
  return { ...one, ...combineNeeds([one, other]), tools: combineTools([one, other]) }
}
