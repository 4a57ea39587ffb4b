import Fastify from 'fastify'
import { Counter, Registry, type RegistryContentType } from 'prom-client'
import t from 'tap'
import mcpOAuth, { MemoryStorage, type IdentityProvider } from '../../lib/index.ts'
import { loadPrometheus } from '../../lib/metrics/registry.ts'
import { serverBehind } from '../../lib/server.ts'
import { answering, guardedApp, pluginOptions } from '../fixtures/guarded-app.ts'
import { samplesIn } from '../fixtures/samples.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'

async function refusalOfStart (options: object): Promise<unknown> {
  const app = Fastify()
  try {
    await app.register(mcpOAuth, { ...pluginOptions({ protect: [] }), ...options })
  } catch (error) {
    return error
  } finally {
    await app.close()
  }
}

t.test('a registry that has such a metric stops the start, and keeps it', async t => {
  const registry = new Registry()
  const own = new Counter({ name: 'oauth_requests_total', help: 'The app’s own', registers: [registry] })
  t.match(await refusalOfStart({ metrics: { registry } }), { name: 'InvalidOptionError', option: 'metrics.registry', message: /has a metric oauth_requests_total already/ })
  t.strictSame(registry.getMetricsAsArray(), [own], 'nothing was added before the refusal')
})

t.test('two apps in one registry would be one: the second start stops', async t => {
  const registry = new Registry()
  await guardedApp(t, { metrics: { registry }, protect: [] })
  t.match(await refusalOfStart({ metrics: { registry } }), { name: 'InvalidOptionError', message: /give each app a registry of its own/ })
})

t.test('an app that is closed leaves the registry as it was, for the one that comes after it', async t => {
  for (const contentType of [Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE]) {
    const registry = new Registry<RegistryContentType>()
    registry.setContentType(contentType)
    for (const round of [1, 2]) {
      const app = Fastify()
      await app.register(mcpOAuth, pluginOptions({ metrics: { registry }, protect: [] }))
      await app.ready()
      t.match(await registry.metrics(), 'oauth_refusals_total{reason="no-token"} 0', `${contentType} ${round}`)
      await app.close()
      t.strictSame(registry.getMetricsAsArray(), [])
    }
  }
})

t.test('without prom-client the start stops and says what to install', async t => {
  const absent = async () => { throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }) }
  await t.rejects(loadPrometheus(absent), { name: 'InvalidOptionError', message: 'metrics: needs the package prom-client; install it' })
})

t.test('the app’s registry has its own metrics and these, and app.mcpOAuth.metrics answers from it', async t => {
  const registry = new Registry<RegistryContentType>()
  new Counter({ name: 'orders_total', help: 'Orders', registers: [registry] }).inc()
  const app = await guardedApp(t, { metrics: { registry }, protect: [] })
  await app.ready()
  const names = new Set(samplesIn(await app.mcpOAuth.metrics.text()).map(({ name }) => name))
  t.ok(names.has('orders_total') && names.has('oauth_refusals_total'))
  t.equal(app.mcpOAuth.metrics.contentType, 'text/plain; version=0.0.4; charset=utf-8')
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  t.match(app.mcpOAuth.metrics.contentType, 'application/openmetrics-text')
})

t.test('a registry of one’s own holds nothing of other apps', async t => {
  const first = await guardedApp(t, { metrics: true, after: answering() })
  const second = await guardedApp(t, { metrics: {}, after: answering() })
  await first.inject({ method: 'POST', url: '/mcp' })
  await second.ready()
  t.match(await first.mcpOAuth.metrics.text(), 'oauth_refusals_total{reason="no-token"} 1')
  t.match(await second.mcpOAuth.metrics.text(), 'oauth_refusals_total{reason="no-token"} 0')
})

t.test('off, which is the default, nothing is wrapped and app.mcpOAuth.metrics says so', async t => {
  for (const metrics of [undefined, false]) {
    const storage = new MemoryStorage()
    const provider = scriptedProvider()
    const app = await guardedApp(t, { ...metrics === undefined ? {} : { metrics }, protect: [], storage, providers: [provider] })
    t.throws(() => app.mcpOAuth.metrics, { message: 'app.mcpOAuth.metrics has nothing to tell: the option metrics is off' })
    const server = serverBehind(app.mcpOAuth)
    t.equal(server?.storage, storage)
    t.equal(server?.options.providers.get('local'), provider)
  }
})

t.test('frozen storages and providers of whatever make are measured, and stay what they are', async t => {
  class Own implements IdentityProvider {
    readonly #name = 'Own'
    get id () { return 'own' }
    get name () { return this.#name }
    describe () { return `${this.#name} provider` }
    async authorizationUrl () { return `https://${this.#name}.example` }
    async identify (): Promise<never> { throw new Error(this.#name) }
  }
  const storage = Object.freeze(new MemoryStorage())
  const provider = Object.freeze({ ...scriptedProvider(), emailDomains: ['example.com'] })
  const app = await guardedApp(t, { metrics: true, protect: [], storage, providers: [provider, new Own()] })
  await app.ready()
  const server = serverBehind(app.mcpOAuth)
  t.ok(server?.storage instanceof MemoryStorage)
  const [frozen, own] = [...server?.options.providers.values() ?? []]
  t.match({ id: frozen?.id, name: frozen?.name, emailDomains: frozen?.emailDomains }, { id: 'local', name: 'Local', emailDomains: ['example.com'] })
  t.match({ id: own?.id, name: own?.name, emailDomains: own?.emailDomains }, { id: 'own', name: 'Own', emailDomains: undefined })
  t.equal(frozen?.identify, frozen?.identify, 'the same method each time')
  t.equal(Object(own).describe(), 'Own provider', 'with whatever else they have')
  const answer = { redirectUri: '', code: '', issuer: undefined, nonce: '', codeVerifier: '' }
  await t.rejects(async () => await own?.identify(answer), { message: 'Own' })
  t.match(await app.mcpOAuth.metrics.text(), 'oauth_provider_duration_seconds_count{provider="own",step="identify",outcome="failed"} 1')
})
