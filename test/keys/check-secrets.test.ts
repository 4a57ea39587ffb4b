import { createHash } from 'node:crypto'
import t from 'tap'
import { InvalidOptionError } from '../../lib/errors.ts'
import { checkSecrets } from '../../lib/keys/check-secrets.ts'

const good = 'k3Vx9QmZ7tLr2WbY8nHc5DfG1jPs6AuE'
const other = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'

function refusal (secret: unknown): InvalidOptionError | undefined {
  try {
    checkSecrets(secret)
    return undefined
  } catch (error) {
    if (error instanceof InvalidOptionError) return error
    throw error
  }
}

const refused: Record<string, readonly unknown[]> = {
  'short or no text': [undefined, null, 1, {}, Buffer.from(good), '', good.slice(1), [], [undefined], [good, undefined], [good, other.slice(1)], [[good]]],
  'a placeholder': [
    'generate-a-secure-random-string-at-least-32-chars', 'your-secure-jwt-secret-32-chars-minimum', '<run: openssl rand -base64 32>    ', 'CHANGE-ME-k3Vx9QmZ7tLr2WbY8nHc5DfG1j',
    'this is the Password of our server 42', 'your_key_k3Vx9QmZ7tLr2WbY8nHc5DfG', 'replace this PlaceHolder with 32 chars', 'an-example-key-k3Vx9QmZ7tLr2WbY8n'
  ],
  'of little variety': [
    'x'.repeat(32), 'ab'.repeat(20), '0123456789'.repeat(4), '0123456789abcdefghijklmnopqrstuvwxyz', 'abcdefghijklmnopqrstuvwxyzabcdefghijkl', 'aaaabbbbccccddddeeeeffffgggghhhhiiii',
    'zyxwvutsrqponmlkjihgfedcba9876543210', 'k3Vx9Q'.repeat(6), good.slice(0, 16).repeat(2), `${good}${good}`, `${good.slice(0, 12).repeat(3)}`, '1111111111111111111111111111111111112345678',
    'aQ3zK7~Qa73zK~a3Qz7aK~zQ3a~7KzaQ'
  ]
}

for (const [what, secrets] of Object.entries(refused)) {
  t.test(`I10: a secret that is ${what} stops the start and says how to make one`, async t => {
    for (const secret of secrets) {
      const error = refusal(secret)
      t.match(error?.message, /^secret \(JWT_SECRET\): .*openssl rand -base64 32$/, JSON.stringify(secret))
      if (typeof secret === 'string' && secret !== '') t.notOk(error?.message.includes(secret), 'and does not tell it')
    }
  })
}

t.test('the same secret twice stops the start: nothing would be rotated', async t => {
  t.match(refusal([good, other, good])?.message, /same secret twice/)
})

t.test('I10: no random secret is refused', async t => {
  // Hashes look random and are the same in every run.
  const forms = { base64: 32, base64url: 32, hex: 32, 'hex of 16 bytes': 16 }
  for (const [form, bytes] of Object.entries(forms)) {
    const encoding = (['base64', 'base64url'] as const).find(name => name === form) ?? 'hex'
    const secrets = Array.from({ length: 2000 }, (_, index) => createHash('sha256').update(`${form} ${index}`).digest().subarray(0, bytes).toString(encoding))
    t.strictSame(secrets.filter(secret => refusal(secret) !== undefined), [], form)
  }
})

t.test('one secret, or several in their order', async t => {
  t.strictSame(checkSecrets(good), [good])
  t.strictSame(checkSecrets([good]), [good])
  t.strictSame(checkSecrets([other, good]), [other, good])
})
