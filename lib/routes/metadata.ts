import type { FastifyInstance } from 'fastify'
import {
  authorizationServerMetadata, openidConfiguration, openidConfigurationPaths, protectedResourceMetadata, resourceMetadataUrl, wellKnownPaths
} from '../oauth/metadata.ts'
import type { AuthorizationServer } from '../server.ts'

/** The well-known documents, each at the root and where its identifier's path puts it. RFC 8414 §3, RFC 9728 §3, OpenID Connect Discovery §4. */
export function metadataRoutes (app: FastifyInstance, server: AuthorizationServer): void {
  const { clientMetadataDocuments, endpoints, issuer, issuerPath, registration, resource, resources, scopes } = server.options
  const description = {
    issuer,
    endpoints,
    scopes: [...scopes.keys()],
    registration: registration.mode !== 'closed',
    clientMetadataDocuments: clientMetadataDocuments !== undefined
  }
  const documents = [
    { paths: wellKnownPaths('oauth-authorization-server', issuerPath), body: JSON.stringify(authorizationServerMetadata(description)) },
    { paths: openidConfigurationPaths(issuerPath), body: JSON.stringify(openidConfiguration(description)) },
    ...[...resources].map(([url, { scopes }]) => ({
      // The root is the default resource's, whatever its path.
      paths: [...new Set([...url === resource ? ['/.well-known/oauth-protected-resource'] : [], new URL(resourceMetadataUrl(url)).pathname])],
      body: JSON.stringify(protectedResourceMetadata(url, issuer, scopes))
    }))
  ]
  for (const { paths, body } of documents) {
    for (const path of paths) {
      app.get(path, async (_, reply) => reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('cache-control', 'public, max-age=300')
        .send(body))
    }
  }
}
