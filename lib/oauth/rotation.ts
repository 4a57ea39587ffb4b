/** How long after its use a refresh token still gets the same successor: a lost answer logs nobody out. In milliseconds. */
export const rotationGrace = 30_000

export type RotationVerdict = 'rotate' | 'repeat' | 'superseded' | 'reused'

/**
 * What a refresh token that was presented deserves. Until `rotationGrace` has passed or its successor was used, whichever is
 * first, the same successor is handed out again; between the two it is refused; after the grace a replay ends the grant.
 *
 * @see [OAuth 2.1 §4.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3.1)
 */
export function judgeRotation (consumedAt: Date | null, successorConsumedAt: Date | null, now: Date): RotationVerdict {
  if (consumedAt === null) return 'rotate'
  if (now.getTime() - consumedAt.getTime() > rotationGrace) return 'reused'
  return successorConsumedAt === null ? 'repeat' : 'superseded'
}
