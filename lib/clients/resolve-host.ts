import { Resolver } from 'node:dns/promises'
import { ClientDocumentError } from './client-document-error.ts'

/** Per attempt, in milliseconds. */
const timeout = 1_500

/**
 * All addresses of a host. The name servers are asked directly, not through the system's resolver: its few threads serve the whole
 * process, and a name server that does not answer would hold them up; besides, names that only this machine knows are not meant here.
 *
 * @throws {ClientDocumentError} where there is no answer, or none with an address.
 */
export async function resolveHost (host: string, signal: AbortSignal, nameServers?: readonly string[]): Promise<string[]> {
  const resolver = new Resolver({ timeout, tries: 2 })
  if (nameServers !== undefined) resolver.setServers(nameServers)
  signal.addEventListener('abort', () => { resolver.cancel() }, { once: true })
  const failures: unknown[] = []
  const none = (failure: unknown): string[] => {
    failures.push(failure)
    return []
  }
  const addresses = await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)])
  if (addresses.flat().length > 0) return addresses.flat()
  const [cause] = failures
  throw new ClientDocumentError(`${host} can not be resolved`, { isTemporary: true, cause })
}
