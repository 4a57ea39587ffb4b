import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { ownCors, withoutCors } from '../guard/cors.ts'
import { ownRoute } from '../guard/rules.ts'
import type { AuthorizationServer } from '../server.ts'

/** Makes the routes of a scope pages: for people, never for scripts of other origins. OAuth 2.1 §3.1. */
export function onlyPages (scope: FastifyInstance): void {
  scope.addHook('onRoute', route => { route.config = { ...route.config, [ownRoute]: 'page' } })
}

/**
 * Lets web pages use the endpoints of a scope and of those inside it, all but the pages, whatever the app says about its own routes.
 *
 * @returns what declares the answers to preflights: to be called when all routes are there
 */
export function crossOrigin (scope: FastifyInstance, server: AuthorizationServer): () => void {
  const known: RouteOptions[] = []

  function methodsOf ({ routeOptions }: FastifyRequest): string[] {
    return known.filter(({ url }) => url === routeOptions.url).flatMap(({ method }) => method)
  }

  scope.addHook('onRoute', route => {
    // `cors: false` is what keeps @fastify/cors out.
    route.config = Object.assign({ [ownRoute]: 'endpoint', cors: false }, route.config)
    known.push(route)
  })
  scope.addHook('onSend', async (request, reply) => {
    if (request.routeOptions.config[ownRoute] === 'page') return withoutCors(reply)
    ownCors(server, request, reply, methodsOf(request))
  })

  async function answer (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    return reply.code(204).header('allow', methodsOf(request).join(', ')).send()
  }

  return () => {
    for (const [url, config] of new Map(known.map(({ url, config }) => [url, config]))) {
      // In a hook already, so that no body is read for it.
      scope.options(url, { config: { ...config }, onRequest: answer }, answer)
    }
  }
}
