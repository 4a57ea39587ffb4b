import { randomBytes } from 'node:crypto'

/** What all authorization servers have in common. */

export const issuer = 'https://api.example.com'
export const resource = `${issuer}/mcp`
export const secret = randomBytes(32).toString('base64url')
export const redirectUri = 'https://client.example.com/callback'

export function basic (clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}
