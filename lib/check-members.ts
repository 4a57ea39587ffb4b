import { InvalidOptionError } from './errors.ts'

/**
 * A misspelt name must not pass for one that was left out.
 *
 * @param option what the names stand behind, with its dot
 * @throws {InvalidOptionError} where `value` has a member that is none of `names`.
 */
export function refuseUnknown (option: string, value: object, names: ReadonlySet<string>): void {
  for (const name of Object.keys(value)) {
    if (!names.has(name)) throw new InvalidOptionError(option + name, `is not an option; take it out, or use one of ${[...names].join(', ')}`)
  }
}
