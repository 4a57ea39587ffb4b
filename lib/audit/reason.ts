import { OAuthError } from '../errors.ts'

/** A system's or a library's name for what went wrong. Its message may quote what came. */
function nameOf (error: Error): string {
  const { code }: { code?: unknown } = Object(error)
  return typeof code === 'string' ? code : error.name
}

/** Why something was refused, in words that are ours. */
export function reasonOf (error: unknown): string {
  if (!(error instanceof OAuthError)) return error instanceof Error ? nameOf(error) : 'unknown'
  const { cause } = error
  if (typeof cause === 'string') return cause
  return cause instanceof Error ? `${error.message} (${nameOf(cause)})` : error.message
}
