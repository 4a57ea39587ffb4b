import { InvalidOptionError } from '../errors.ts'
import type { AccessRule, ResolvedOptions } from '../options.ts'

/** What all rules that speak about one route ask of its callers. */
export interface Requirement {
  /** The audience of their tokens. */
  readonly resource: string
  /** All that can be asked for at the resource. */
  readonly offered: readonly string[]
}

/**
 * What several rules ask together. Those that name no resource follow the one that does.
 *
 * @throws {InvalidOptionError} where no token could satisfy them all.
 */
export function combineRules (options: ResolvedOptions, rules: readonly AccessRule[], place: string): Requirement {
  const [resource = options.resource, ...others] = new Set(rules.flatMap(rule => rule.resource ?? []))
  if (others.length > 0) throw new InvalidOptionError('resource', `${place} has rules for ${[resource, ...others].join(' and ')}; a token is for one of them`)
  const known = options.resources.get(resource)
  if (known === undefined) {
    throw new InvalidOptionError('resource', `${resource} is not known; it must be that of a rule in protect, or one of ${[...options.resources.keys()].join(', ')}`)
  }
  return Object.freeze({ resource, offered: known.scopes })
}
