import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/** 32 random bytes, base64url: a code, a handle, a client's secret. */
export function randomSecret (): string {
  return randomBytes(32).toString('base64url')
}

/** 16 random bytes, base64url: an identifier that nobody guesses but that is no secret. None looks like an option of a command line. */
export function randomId (): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? randomId() : id
}

/** The form in which a secret reaches the storage: base64url SHA-256. Enough for 256 random bits; no password comes here. */
export function hashSecret (secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Compares in a time that tells nothing about where two strings differ. */
export function equalStrings (a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}

/** A key for one purpose, from a key that has others. RFC 5869. */
export function deriveKey (root: string, label: string): Buffer {
  return Buffer.from(hkdfSync('sha256', root, '', `fastify-mcp-oauth/${label}`, 32))
}

/** HMAC-SHA256 over parts whose borders count, base64url. */
export function mac (key: string | Buffer, ...parts: readonly string[]): string {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
}
