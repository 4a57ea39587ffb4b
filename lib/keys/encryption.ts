import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const nonceLength = 12
const tagLength = 16
const cipherName = 'aes-256-gcm'

function bytesOf (context: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(context))
}

/**
 * Encrypts with AES-256-GCM under a random nonce, so that it is read and changed by nobody without the key.
 *
 * @param context what it is; it is read only by who says the same
 * @returns nonce, ciphertext and tag, base64url
 * @see [NIST SP 800-38D](https://doi.org/10.6028/NIST.SP.800-38D)
 */
export function encrypt (key: Buffer, context: readonly string[], plaintext: Buffer): string {
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagLength }).setAAD(bytesOf(context))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64url')
}

/** What was encrypted with this key in this context; undefined for all else. */
export function decrypt (key: Buffer, context: readonly string[], encrypted: string): Buffer | undefined {
  const bytes = Buffer.from(encrypted, 'base64url')
  if (bytes.length < nonceLength + tagLength || bytes.toString('base64url') !== encrypted) return undefined
  const decipher = createDecipheriv(cipherName, key, bytes.subarray(0, nonceLength), { authTagLength: tagLength })
    .setAAD(bytesOf(context)).setAuthTag(bytes.subarray(-tagLength))
  const plaintext = decipher.update(bytes.subarray(nonceLength, -tagLength))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    // The tag does not fit.
    return undefined
  }
}
