import type { Change, Changes } from '../storage/changes.ts'
import type { Access } from './access.ts'

/** Makes a test for whether access hangs on something that has changed. Its cost does not grow with the number of changes. */
export function concernedBy (changes: Changes): (access: Access) => boolean {
  if (changes === 'everything') return () => true
  const idsOf = (wanted: Change['kind']) => new Set(changes.filter(({ kind }) => kind === wanted).map(({ id }) => id))
  const [tokens, grants, clients, users] = [idsOf('token'), idsOf('grant'), idsOf('client'), idsOf('user')]
  return ({ tokenId, grantId, client, user }) => tokens.has(tokenId) || grants.has(grantId) || clients.has(client.id) || users.has(user.id)
}
