import { BlockList, isIPv6 } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'

const inside = new BlockList()
for (const [network, bits] of [['127.0.0.0', 8], ['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16]] as const) inside.addSubnet(network, bits)
for (const [network, bits] of [['::1', 128], ['fc00::', 7]] as const) inside.addSubnet(network, bits, 'ipv6')

/** Whether it comes from inside the network, and through no proxy: those leave a mark on what they pass on. */
function isFromInside ({ headers, socket: { remoteAddress = '' } }: FastifyRequest): boolean {
  const isPassedOn = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined
  return !isPassedOn && inside.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4')
}

/** For the Prometheus beside it. Whoever comes through the front door finds nothing here. */
export async function metrics (app: FastifyInstance): Promise<void> {
  app.get('/metrics', async (request, reply) => {
    if (!isFromInside(request)) return reply.callNotFound()
    const { contentType, text } = app.mcpOAuth.metrics
    return await reply.type(contentType).send(await text())
  })
}
