import { context, trace, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import type { Test } from 'tap'
import { ProviderError, StorageUnavailableError } from '../../lib/index.ts'
import { createSpans } from '../../lib/metrics/spans.ts'
import { serverBehind } from '../../lib/server.ts'
import { allow, authorizeUrl, callMcp, connect, pkce, register } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import { captureLog } from '../fixtures/log.ts'
import { valueOf } from '../fixtures/samples.ts'
import { secret, type WorldOptions } from '../fixtures/world.ts'
import { guardedApp } from '../fixtures/guarded-app.ts'
import { memoryStorage } from '../fixtures/memory-storage.ts'

/** Sets OpenTelemetry up as an app does before it starts. */
function setUp (t: Test): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  t.teardown(() => {
    trace.disable()
    context.disable()
  })
  return exporter
}

async function start (t: Test, options: WorldOptions = {}) {
  const exporter = setUp(t)
  return { exporter, ...await startPlayedWorld(t, options) }
}

const named = (exporter: InMemorySpanExporter, name: string) => exporter.getFinishedSpans().filter(span => span.name === name)

t.test('where the app has set up nothing, nothing is wrapped', async t => {
  const log = captureLog()
  const storage = memoryStorage(secret)
  const app = await guardedApp(t, { protect: [], storage, fastify: { logger: log.logger } })
  await app.ready()
  t.equal(serverBehind(app.mcpOAuth)?.storage, storage)
  t.notMatch(log.text(), 'OpenTelemetry')
})

t.test('where its package can not be loaded from here, the log says so, and all goes on without spans', async t => {
  setUp(t)
  const warnings: unknown[] = []
  const absent = async () => { throw new Error('Cannot find package') }
  t.equal(await createSpans({ warn: (...warning) => { warnings.push(warning) } }, absent), undefined)
  t.match(warnings, [[{ err: { message: 'Cannot find package' } }, /there will be no spans/]])
})

t.test('a token that is not known is a span, with the storage’s below it; one that is known is none', async t => {
  const { exporter, world } = await start(t, { revalidateAfter: 60 })
  const { tokens } = await connect(world)
  exporter.reset()
  await callMcp(world, tokens.access_token)
  const [validation] = named(exporter, 'oauth validate token')
  const [query] = named(exporter, 'oauth storage findToken')
  t.match(validation, { kind: SpanKind.INTERNAL, status: { code: SpanStatusCode.UNSET }, instrumentationScope: { name: 'fastify-mcp-oauth' } })
  t.match(query, { kind: SpanKind.CLIENT, attributes: { 'oauth.storage.operation': 'findToken' } })
  t.equal(query?.parentSpanContext?.spanId, validation?.spanContext().spanId)
  exporter.reset()
  await callMcp(world, tokens.access_token)
  t.strictSame(exporter.getFinishedSpans(), [])
})

t.test('the two steps at a provider are spans', async t => {
  const { exporter, world } = await start(t)
  await connect(world)
  for (const step of ['authorizationUrl', 'identify']) {
    t.match(named(exporter, `oauth provider ${step}`), [{ kind: SpanKind.CLIENT, attributes: { 'oauth.provider': 'local', 'oauth.provider.step': step } }])
  }
})

t.test('what fails is an error with its kind; a token that does not count is refused, and no error', async t => {
  const { exporter, world, watch, provider } = await start(t)
  const { tokens } = await connect(world)
  exporter.reset()
  await callMcp(world, 'made.up.here')
  t.match(named(exporter, 'oauth validate token'), [{ status: { code: SpanStatusCode.UNSET }, attributes: { 'error.type': 'refused' } }])
  exporter.reset()
  for (const [kind, failure] of [['unavailable', new StorageUnavailableError()], ['failed', new Error('a defect')]] as const) {
    watch.failure = failure
    await callMcp(world, tokens.access_token)
    watch.failure = undefined
    for (const name of ['oauth validate token', 'oauth storage findToken']) {
      t.match(named(exporter, name), [{ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': kind } }], `${name} ${kind}`)
    }
    exporter.reset()
  }
  provider.failure = new ProviderError('refused', 'upstream')
  await allow(world, await world.browser.visit(authorizeUrl(world, await register(world), pkce())))
  t.match(named(exporter, 'oauth provider identify'), [{ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'refused' } }])
})

/** All that a span takes out of the process. */
function textOf ({ name, attributes, events, status, links }: ReadableSpan): string {
  return JSON.stringify({ name, attributes, events, status, links })
}

t.test('no span has a token, a code, an e-mail, or the words of an error in it', async t => {
  const { exporter, world, watch, provider } = await start(t)
  const { client, tokens } = await connect(world)
  watch.failure = new Error(`duplicate key: you@example.com ${tokens.refresh_token}`)
  await callMcp(world, tokens.access_token)
  watch.failure = undefined
  provider.failure = new ProviderError('refused', `upstream-code ${secret}`)
  await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce())))
  const text = exporter.getFinishedSpans().map(textOf).join('\n')
  t.match(text, 'oauth validate token')
  for (const word of [tokens.access_token, tokens.refresh_token, client.client_id, secret, 'you@example.com', 'upstream-code', 'duplicate']) t.notMatch(text, word)
})

t.test('beside metrics both are told', async t => {
  const { exporter, world } = await start(t, { metrics: true })
  const { tokens } = await connect(world)
  await callMcp(world, tokens.access_token)
  for (const operation of ['findToken', 'redeemCode']) {
    t.equal(named(exporter, `oauth storage ${operation}`).length, await valueOf(world.app, 'oauth_storage_duration_seconds_count', { operation }))
  }
  t.equal(named(exporter, 'oauth validate token').length, await valueOf(world.app, 'token_validation_duration_seconds_count'))
  t.equal(named(exporter, 'oauth provider identify').length, await valueOf(world.app, 'oauth_provider_duration_seconds_count', { step: 'identify' }))
})

t.test('without metrics, app.mcpOAuth.metrics stays off', async t => {
  const { world } = await start(t)
  t.throws(() => world.app.mcpOAuth.metrics)
})
