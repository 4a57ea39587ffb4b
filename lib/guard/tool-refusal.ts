import { covers } from '../oauth/scope.ts'
import type { ToolRule } from '../options.ts'

/** The result of a tool that did nothing, in MCP's form. */
// A type, not an interface: so it fits where the SDKs allow further members.
export type ToolRefusal = { isError: true, content: Array<{ type: 'text', text: string }> }

/** Who calls a tool: `request.mcpOAuth`, or the `authInfo` that the SDKs hand to it. */
export interface ToolCaller {
  scopes: readonly string[]
  user?: { role?: unknown }
  extra?: { user?: unknown }
}

/**
 * For a check inside a tool, where the answer has begun and nothing can become a 403 any more: no client will ask for more by itself. Rules that
 * can be told before (`protect`'s `tools`) belong there.
 *
 * @returns what the tool is to answer, or undefined where the caller may go on
 */
export function refuseTool (caller: ToolCaller | undefined, { scopes = [], roles }: ToolRule): ToolRefusal | undefined {
  const { role }: { role?: unknown } = Object(caller?.user ?? caller?.extra?.user)
  const missing = scopes.filter(scope => caller?.scopes.some(own => covers(own, scope)) !== true)
  const lacks = [
    ...roles === undefined || roles.some(admitted => admitted === role) ? [] : [`the role ${roles.join(' or ')}`],
    ...missing.map(scope => `the scope ${scope}`)
  ]
  if (lacks.length === 0) return undefined
  return { isError: true, content: [{ type: 'text', text: `Nothing was done: this needs ${lacks.join(' and ')}, which this sign-in does not have` }] }
}
