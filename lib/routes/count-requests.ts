import type { FastifyInstance } from 'fastify'
import type { AuthorizationServer } from '../server.ts'

/** What an endpoint is called by those who measure: from the route's pattern, never from the path that was asked for. */
function endpointOf (pattern: string, routePath: string): string {
  const path = pattern.startsWith(`${routePath}/`) ? pattern.slice(routePath.length) : pattern.replace(/^.*\/\.well-known/, '')
  return path.replace(/^\/([^/]+).*$/, '$1').replace('.json', '')
}

/** Counts what the endpoints of a scope and of those inside it answer, but not the preflights. */
export function countRequests (scope: FastifyInstance, { meter, options }: AuthorizationServer): void {
  scope.addHook('onResponse', async ({ method, routeOptions }, { statusCode }) => {
    if (method !== 'OPTIONS') meter.request(endpointOf(String(routeOptions.url), options.routePath), statusCode)
  })
}
