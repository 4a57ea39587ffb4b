import type { User } from '../storage/records.ts'
import type { OAuthStorage } from '../storage/types.ts'
import { RefusedError } from './terminal.ts'

/**
 * Who is meant.
 *
 * @param given an e-mail in whatever spelling, or a user id
 * @throws {RefusedError} where there is no such user, or several.
 */
export async function findUser (storage: OAuthStorage, given: string): Promise<User> {
  const [user, ...twins] = await storage.listUsers(given)
  if (user !== undefined && twins.length > 0) {
    throw new RefusedError(`${given} stands on the whitelist in several spellings; name one by its id: ${[user, ...twins].map(({ id }) => id).join(', ')}`)
  }
  const found = user ?? await storage.findUser(given)
  if (found === undefined) throw new RefusedError(`${given} is not on the whitelist`)
  return found
}
