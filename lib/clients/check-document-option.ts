import { InvalidOptionError } from '../errors.ts'
import { isDomainName } from '../oauth/client-id-url.ts'

/** Whose metadata documents are accepted. */
export interface ClientMetadataDocuments {
  /** Host names, each to the letter: a subdomain is a host of its own. @default any */
  allowedHosts?: readonly string[]
}

/** Undefined `allowedHosts` mean any. */
export interface ResolvedClientMetadataDocuments {
  readonly allowedHosts: ReadonlySet<string> | undefined
}

const option = 'clientMetadataDocuments'

/**
 * @param isOpen whether any client may register: who asks that of nobody does not mean clients that come by themselves in another way
 * @returns undefined where no document is accepted.
 * @throws {InvalidOptionError} which says what to do.
 */
export function checkDocumentOption (value: unknown, isOpen: boolean): ResolvedClientMetadataDocuments | undefined {
  if (value === false || (value === undefined && !isOpen)) return undefined
  if (value === true || value === undefined) return Object.freeze({ allowedHosts: undefined })
  if (typeof value !== 'object' || value === null) throw new InvalidOptionError(option, "must be true, false, or { allowedHosts: ['claude.ai'] }")
  const unknown = Object.keys(value).find(name => name !== 'allowedHosts')
  if (unknown !== undefined) throw new InvalidOptionError(`${option}.${unknown}`, 'is not an option; take it out, or use allowedHosts')
  if (!('allowedHosts' in value) || value.allowedHosts === undefined) return Object.freeze({ allowedHosts: undefined })
  const { allowedHosts } = value
  if (!Array.isArray(allowedHosts) || !allowedHosts.every(host => typeof host === 'string' && isDomainName(host))) {
    throw new InvalidOptionError(`${option}.allowedHosts`, "must be a list of host names in lower case, such as ['claude.ai', 'chatgpt.com']")
  }
  return Object.freeze({ allowedHosts: new Set<string>(allowedHosts) })
}
