import { InvalidOptionError } from '../errors.ts'

const howToMakeOne = 'make one with: openssl rand -base64 32'

/** Words that random characters do not spell, and placeholders of guides do. */
const placeholder = /secret|secure|password|change|example|placeholder|generate|openssl|your[-_ ]/i

/** Distinct characters. Of 16 random bytes in hex, one in thirty million has fewer. */
const leastVariety = 8

function repeatsItself (secret: string): boolean {
  return (secret + secret).indexOf(secret.slice(0, Math.ceil(secret.length / 2)), 1) <= secret.length / 2
}

function steps (secret: string): Set<number> {
  return new Set(Array.from(secret.slice(1), (character, index) => character.charCodeAt(0) - secret.charCodeAt(index)))
}

function checkSecret (secret: unknown): string {
  if (typeof secret !== 'string' || secret.length < 32) {
    throw new InvalidOptionError('secret (JWT_SECRET)', `must have at least 32 random characters; ${howToMakeOne}`)
  }
  if (placeholder.test(secret) || new Set(secret).size < leastVariety || steps(secret).size < 10 || repeatsItself(secret)) {
    throw new InvalidOptionError('secret (JWT_SECRET)', `is a placeholder or too easy to guess; ${howToMakeOne}`)
  }
  return secret
}

/**
 * The root secrets: the first signs, all verify.
 *
 * @throws {InvalidOptionError} where one is short, a placeholder, of little variety, or there twice.
 */
export function checkSecrets (secret: unknown): readonly [string, ...string[]] {
  const [signs, ...verify] = Array.isArray(secret) ? secret : [secret]
  const secrets = [checkSecret(signs), ...verify.map(checkSecret)] as const
  if (new Set(secrets).size < secrets.length) throw new InvalidOptionError('secret (JWT_SECRET)', 'holds the same secret twice; take one out')
  return [secrets[0], ...secrets.slice(1)]
}
