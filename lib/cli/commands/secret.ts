import { randomBytes } from 'node:crypto'
import { checkSecrets } from '../../keys/check-secrets.ts'
import type { CommandGroup } from '../program.ts'

function isAcceptable (secret: string): boolean {
  try {
    return checkSecrets(secret).length === 1
  } catch {
    return false
  }
}

/** 32 random bytes, unless they happen to spell what the start refuses. */
export function freshSecret (random = () => randomBytes(32)): string {
  let secret = ''
  while (!isAcceptable(secret)) secret = random().toString('base64url')
  return secret
}

export const secretCommand: CommandGroup = (program, action) => {
  program.command('secret')
    .description('Print a fresh root secret, as a line for .env. Nothing is stored.')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth secret >> .env')
    .action(action(async context => {
      const secret = freshSecret()
      context.answer({ JWT_SECRET: secret }, `JWT_SECRET=${secret}\n`)
    }))
}
