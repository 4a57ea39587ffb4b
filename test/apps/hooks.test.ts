import type { FastifyError } from 'fastify'
import t from 'tap'
import { checkAppAsItIs, type AppAsItIs } from '../fixtures/app-as-it-is.ts'
import { ordersApi } from '../fixtures/orders-api.ts'

const apps: Record<string, Pick<AppAsItIs, 'equip'>> = {
  'an app with a preSerialization envelope': {
    equip: app => { app.addHook('preSerialization', async (_, __, payload) => ({ data: payload, ok: true })) }
  },
  'an app with a reply serializer of its own': {
    equip: app => { app.setReplySerializer(payload => `{"wrapped":${JSON.stringify(payload)}}`) }
  },
  'an app with compilers of its own': {
    equip: app => {
      app.setValidatorCompiler(() => () => true)
      app.setSerializerCompiler(() => payload => JSON.stringify({ compiled: payload }))
    }
  },
  'an app with handlers of its own for errors and what is not found': {
    equip: app => {
      app.setErrorHandler(async (error: FastifyError, _, reply) => reply.code(error.statusCode ?? 500).send({ oops: error.message }))
      app.setNotFoundHandler(async (request, reply) => reply.code(404).send({ nothing: request.url }))
    }
  },
  'an app with a schemaErrorFormatter of its own': {
    equip: app => { app.setSchemaErrorFormatter((errors, where) => new Error(`${where}: ${errors.length} mistakes`)) }
  },
  'an app with a parser for everything': {
    equip: app => { app.addContentTypeParser('*', { parseAs: 'string' }, async (_: unknown, body: string) => ({ name: body })) }
  },
  'an app with a JSON parser of its own': {
    equip: app => {
      app.removeContentTypeParser('application/json')
      app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => ({ name: 'raw', tags: [String(body.length)] }))
    }
  },
  'an app with onSend hooks': {
    equip: app => {
      app.addHook('onSend', async (_, reply, payload) => {
        reply.header('x-kitchen', 'open')
        return payload
      })
      app.addHook('onSend', (_, __, payload, done) => { done(null, typeof payload === 'string' ? Buffer.from(payload) : payload) })
    }
  },
  'an app with hooks all along the way': {
    equip: app => {
      app.addHook('onRequest', async () => {})
      app.addHook('preParsing', async (_, __, payload) => payload)
      app.addHook('preValidation', async request => { if (request.url === '/orders' && request.body === undefined) request.body = {} })
      app.addHook('preHandler', async (_, reply) => { reply.header('x-cook', 'Ann') })
      app.addHook('onResponse', async () => {})
    }
  }
}

for (const [name, about] of Object.entries(apps)) checkAppAsItIs(t, name, { ...about, ...ordersApi })
