import type { AuditEvent } from './event.ts'

/** What an event is about, in a line: the tools or methods that were called, the scopes, the route, else all details. Much of it comes from outside. */
export function summaryOf ({ details }: Pick<AuditEvent, 'details'>): string {
  const { tools, rpc, scopes, method, route } = details
  for (const names of [tools, rpc]) if (Array.isArray(names)) return names.join(', ')
  if (Array.isArray(scopes)) return scopes.join(' ')
  if (typeof route === 'string') return `${String(method)} ${route}`
  return Object.entries(details).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${[value].flat().join(' ')}`).join(', ')
}
