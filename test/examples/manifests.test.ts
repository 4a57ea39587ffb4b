import { readFileSync, readdirSync } from 'node:fs'
import Fastify from 'fastify'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import * as z from 'zod'
import { health } from '../../examples/restaurant/health.ts'
import { environment, find, parseDockerfile } from '../fixtures/dockerfile.ts'
import { root } from '../fixtures/documentation.ts'
import { manifestProblems } from '../fixtures/kubernetes-schemas.ts'
import { secret } from '../fixtures/world.ts'
import { start, variables } from './environment.ts'

const deploy = `${root}examples/restaurant/deploy/`
const read = (path: string) => readFileSync(deploy + path, 'utf8')
const documentsIn = (path: string): unknown[] => parseAllDocuments(read(path), { strict: true }).map(document => {
  if (document.errors[0] !== undefined) throw document.errors[0]
  return document.toJS()
})

const names = readdirSync(`${deploy}kubernetes`)
const applied = names.flatMap(name => documentsIn(`kubernetes/${name}`))
const secrets = documentsIn('secret.example.yaml')
const all = [...applied, ...secrets]

/** The only document of a kind, or the one with this name. */
function only<Shape> (kind: string, shape: z.ZodType<Shape>, name?: string): Shape {
  const found = all.filter(document => Object(document).kind === kind && (name === undefined || Object(document).metadata.name === name))
  if (found.length !== 1) throw new Error(`there are ${found.length} of ${kind} ${name}`)
  return shape.parse(found[0])
}

const strings = z.record(z.string(), z.string())
const keyRef = z.object({ name: z.string(), key: z.string() })
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }), periodSeconds: z.number(), timeoutSeconds: z.number(), failureThreshold: z.number() })
const selector = z.object({ matchLabels: strings })
const container = z.object({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).optional(),
  env: z.array(z.object({ name: z.string(), valueFrom: z.object({ secretKeyRef: keyRef }) })),
  envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }).optional(), secretRef: z.object({ name: z.string() }).optional() })).optional(),
  readinessProbe: probe.optional(),
  livenessProbe: probe.optional(),
  startupProbe: probe.optional()
})
const configMap = only('ConfigMap', z.object({ metadata: z.object({ name: z.string() }), data: strings }))
const secretOf = (name: string) => only('Secret', z.object({ stringData: strings }), name).stringData
const deployment = only('Deployment', z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    replicas: z.number().optional(),
    selector,
    template: z.object({
      metadata: z.object({ labels: strings }),
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({ runAsUser: z.number(), runAsGroup: z.number() }),
        topologySpreadConstraints: z.array(z.object({ labelSelector: selector })),
        initContainers: z.array(container),
        containers: z.array(container)
      })
    })
  })
}))
const pod = deployment.spec.template.spec
const [server] = pod.containers
const [migration] = pod.initContainers
const stages = parseDockerfile(read('Dockerfile'))
const image = stages.at(-1)

/** What a container finds in its environment. */
function envOf ({ env, envFrom = [] }: z.infer<typeof container>): Record<string, string> {
  const values: Record<string, string> = {}
  for (const { configMapRef, secretRef } of envFrom) {
    if (configMapRef !== undefined) Object.assign(values, only('ConfigMap', z.object({ data: strings }), configMapRef.name).data)
    if (secretRef !== undefined) Object.assign(values, secretOf(secretRef.name))
  }
  for (const { name, valueFrom: { secretKeyRef } } of env) {
    const value = secretOf(secretKeyRef.name)[secretKeyRef.key]
    if (value === undefined) throw new Error(`${secretKeyRef.name} has no ${secretKeyRef.key}`)
    values[name] = value
  }
  return values
}

/** Documents with one thing wrong, and a word of the complaint. */
const spoilt: ReadonlyArray<[file: string, from: string | RegExp, to: string, word: string]> = [
  ['deployment', 'readinessProbe:', 'readynessProbe:', 'readynessProbe'],
  ['deployment', 'apps/v1', 'extensions/v1beta1', 'not known here'],
  ['deployment', 'runAsNonRoot: true', 'runAsNonRoot: false', 'runAsNonRoot'],
  ['deployment', 'runAsUser: 1000', 'runAsUser: 0', 'runAsUser'],
  ['deployment', 'readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', 'readOnlyRootFilesystem'],
  ['deployment', 'allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true', 'allowPrivilegeEscalation'],
  ['deployment', 'drop: ["ALL"]', 'drop: ["NET_RAW"]', 'capabilities'],
  ['deployment', 'type: RuntimeDefault', 'type: Unconfined', 'seccompProfile'],
  ['deployment', /mcp-service-restaurant:0\.1\.0/, 'mcp-service-restaurant:latest', 'image'],
  ['deployment', /mcp-service-restaurant:0\.1\.0/, 'mcp-service-restaurant', 'image'],
  ['deployment', 'memory: 384Mi', 'memory: 384mb', 'memory'],
  ['deployment', '            failureThreshold: 2', '            failureThreshold: "2"', 'failureThreshold'],
  ['deployment', '      terminationGracePeriodSeconds: 40\n', '', 'terminationGracePeriodSeconds'],
  ['configmap', '"8080"', '8080', 'PORT'],
  ['service', 'port: 80\n', 'port: 80000\n', 'port'],
  ['autoscaler', 'minReplicas: 3', 'minReplicas: 1', 'minReplicas'],
  ['autoscaler', 'scaleTargetRef', 'scaleTarget', 'scaleTarget'],
  ['disruption-budget', 'maxUnavailable: 1', 'maxUnavailable: 0', 'maxUnavailable']
]

t.test('every manifest is what Kubernetes takes, and what it does not take would be found', async t => {
  t.strictSame(all.map(document => Object(document).kind).sort(), ['ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Secret', 'Secret', 'Service'])
  for (const document of all) t.strictSame(manifestProblems(document), [], Object(document).kind)
  for (const [file, from, to, word] of spoilt) {
    const text = read(`kubernetes/${file}.yaml`)
    const changed = text.replace(from, to)
    t.not(changed, text, `${file}: ${String(from)}`)
    t.match(manifestProblems(parse(changed)).join(), word, `${file}: ${to}`)
  }
})

t.test('the names are those of the guide, and no secret lies where kubectl apply would put it in the place of the real one', async t => {
  t.equal(configMap.metadata.name, 'mcp-oauth-config')
  t.strictSame(secrets.map(document => Object(document).metadata.name), ['mcp-oauth-secrets', 'postgres-secret'])
  t.equal(deployment.metadata.name, 'mcp-service-restaurant')
  t.equal(server?.name, 'mcp-restaurant-api')
  t.strictSame(Object.keys(secretOf('mcp-oauth-secrets')), ['OAUTH_SERVER_URL', 'JWT_SECRET', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET', 'DEFAULT_ADMIN_EMAIL', 'DEFAULT_ADMIN_NAME'])
  t.strictSame(Object.keys(secretOf('postgres-secret')), ['url'])
  t.notOk(applied.some(document => Object(document).kind === 'Secret'))
  for (const name of Object.keys(configMap.data)) t.notMatch(name, /SECRET$|PASSWORD|DATABASE_URL|CLIENT_ID/)
})

t.test('every variable means something, and what the placeholders leave open stops the start', async t => {
  if (server === undefined || migration === undefined) return t.fail('there is no container')
  const env = envOf(server)
  const known = variables()
  for (const name of [...Object.keys(env), ...Object.keys(envOf(migration)), ...Object.keys(environment(image))]) t.ok(known.has(name), name)
  t.throws(() => start(env), /^secret \(JWT_SECRET\): is a placeholder/)
  t.equal(start({ ...env, JWT_SECRET: secret }), 'https://api.example.com')
  for (const name of ['OAUTH_SERVER_URL', 'JWT_SECRET', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET', 'OAUTH_PROVIDER', 'OAUTH_ISSUER']) {
    const rest = { ...env, JWT_SECRET: secret, [name]: '' }
    t.throws(() => start(rest), { name: 'InvalidOptionError' }, `${name} is needed`)
  }
  t.strictSame(Object.keys(envOf(migration)), ['DATABASE_URL'], 'the migration knows no more than it needs')
  t.match(env['DATABASE_URL'], /^postgres:\/\//)
})

t.test('the ConfigMap of the guide starts too', async t => {
  if (server === undefined) return t.fail('there is no container')
  const { OAUTH_ISSUER, ...env } = envOf(server)
  const base = 'https://your-domain.auth.region.amazoncognito.com/oauth2'
  t.equal(start({ ...env, JWT_SECRET: secret, OAUTH_AUTH_URL: `${base}/authorize`, OAUTH_TOKEN_URL: `${base}/token`, OAUTH_USERINFO_URL: `${base}/userInfo` }), 'https://api.example.com')
})

t.test('selectors, labels and targets are the same everywhere', async t => {
  const { labels } = deployment.spec.template.metadata
  t.strictSame(deployment.spec.selector.matchLabels, labels)
  for (const { labelSelector } of pod.topologySpreadConstraints) t.strictSame(labelSelector.matchLabels, labels)
  t.strictSame(only('Service', z.object({ spec: z.object({ selector: strings }) })).spec.selector, labels)
  t.strictSame(only('PodDisruptionBudget', z.object({ spec: z.object({ selector }) })).spec.selector.matchLabels, labels)
  const { spec } = only('HorizontalPodAutoscaler', z.object({ spec: z.object({ scaleTargetRef: z.object({ kind: z.string(), name: z.string() }), minReplicas: z.number(), maxReplicas: z.number() }) }))
  t.match(spec.scaleTargetRef, { kind: 'Deployment', name: deployment.metadata.name })
  t.ok(spec.minReplicas >= 2 && spec.minReplicas < spec.maxReplicas, 'several by default')
  t.equal(deployment.spec.replicas, undefined, 'the autoscaler has the last word')
  t.ok(only('PodDisruptionBudget', z.object({ spec: z.object({ maxUnavailable: z.number() }) })).spec.maxUnavailable < spec.minReplicas)
})

t.test('ports agree from the image to the Service, and the image runs as the user that the pod says', async t => {
  const port = Number(configMap.data['PORT'])
  t.strictSame(server?.ports, [{ name: 'http', containerPort: port }])
  t.equal(find(image, 'EXPOSE')[0]?.text, String(port))
  t.equal(configMap.data['HOST'], '0.0.0.0')
  t.strictSame(only('Service', z.object({ spec: z.object({ ports: z.array(z.object({ port: z.number(), targetPort: z.string() })) }) })).spec.ports, [{ port: 80, targetPort: 'http' }])
  t.equal(find(image, 'USER').at(-1)?.text, `${pod.securityContext.runAsUser}:${pod.securityContext.runAsGroup}`)
  t.equal(new Set([server?.image, migration?.image]).size, 1, 'what migrates is of the version that runs')
  t.strictSame(migration?.command, ['node', 'migrate.js'])
})

t.test('the probes ask what the example answers: readiness /ready, all others /health', async t => {
  const app = Fastify()
  await health(app, {})
  for (const [name, path] of [['readinessProbe', '/ready'], ['livenessProbe', '/health'], ['startupProbe', '/health']] as const) {
    t.strictSame(server?.[name]?.httpGet, { path, port: 'http' }, name)
    t.ok(app.hasRoute({ method: 'GET', url: path }), path)
  }
  // The plugin's own look takes two seconds at most.
  t.ok((server?.readinessProbe?.timeoutSeconds ?? 0) > 2)
})

t.test('a pod has the time that closing takes', async t => {
  const delay = Number(configMap.data['SHUTDOWN_DELAY'])
  const [, patience = ''] = /closeOnSignal\(app, \{ delay, patience: (\d+) \}\)/.exec(readFileSync(`${root}examples/restaurant/server.ts`, 'utf8')) ?? []
  t.ok(Number(patience) > 0)
  t.ok(pod.terminationGracePeriodSeconds > delay + 2 * Number(patience), `${pod.terminationGracePeriodSeconds} s`)
})
