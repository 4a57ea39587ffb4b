import type { Prompt } from '../oauth/authentication-request.ts'

/**
 * The `prompt` for a provider: its usual one, with what the client asked for as far as the provider knows it. A sign-in from scratch
 * includes the choice of an account, and Entra takes one value only.
 *
 * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
 */
export function combinePrompts (usual: string | undefined, asked: readonly Prompt[], known: readonly string[]): string | undefined {
  const passed = asked.filter(prompt => known.includes(prompt))
  const own = usual?.split(' ').filter(prompt => prompt !== 'select_account' || !passed.includes('login')) ?? []
  const others = passed.filter(prompt => prompt !== 'select_account' || !passed.includes('login'))
  const prompts = [...new Set([...own, ...others])]
  return prompts.length === 0 ? undefined : prompts.join(' ')
}
