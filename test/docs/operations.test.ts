import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import * as z from 'zod'
import { StorageUnavailableError } from '../../lib/index.ts'
import { connect, callMcp, introspect, basic } from '../fixtures/flow.ts'
import { document, root } from '../fixtures/documentation.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import { readPromql, type Query, type Selector } from '../fixtures/promql.ts'
import { samplesIn, type Sample } from '../fixtures/samples.ts'

const read = (name: string) => readFileSync(`${root}docs/operations/${name}`, 'utf8')
const duration = z.string().regex(/^\d+[smh]$/)

const rule = z.strictObject({
  alert: z.string().regex(/^OAuth[A-Za-z]+$/),
  expr: z.string(),
  for: duration.optional(),
  labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
  annotations: z.strictObject({ summary: z.string().min(10), runbook: z.string() })
})
const alerts = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule) })) })

const datasource = z.strictObject({ type: z.literal('prometheus'), uid: z.literal('${datasource}') }) // eslint-disable-line no-template-curly-in-string
const panel = z.strictObject({
  id: z.int(),
  type: z.enum(['stat', 'timeseries']),
  title: z.string().min(1),
  description: z.string(),
  datasource,
  gridPos: z.strictObject({ x: z.int().min(0), y: z.int().min(0), w: z.int().min(1), h: z.int().min(1) }),
  fieldConfig: z.strictObject({ defaults: z.strictObject({ unit: z.enum(['short', 's', 'reqps', 'percentunit']) }), overrides: z.array(z.never()) }),
  options: z.record(z.string(), z.unknown()),
  targets: z.array(z.strictObject({ refId: z.string(), datasource, expr: z.string(), legendFormat: z.string() })).min(1)
})
const dashboard = z.looseObject({
  title: z.string(),
  uid: z.string().max(40),
  schemaVersion: z.int(),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), type: z.string() })) }),
  panels: z.array(panel)
})

const rules = alerts.parse(parse(read('alerts.yml'))).groups.flatMap(group => group.rules)
const board = dashboard.parse(JSON.parse(read('dashboard.json')))

/** What Prometheus adds to each series of a target. */
const added = ['job', 'instance']

/** What a scrape finds after a bit of everything. */
async function playedSamples (): Promise<Sample[]> {
  const { world, watch } = await startPlayedWorld(t, { metrics: true, rateLimit: { max: 3 } })
  const { client, tokens } = await connect(world, { metadata: { token_endpoint_auth_method: 'client_secret_basic' } })
  for (let call = 0; call < 2; call++) await callMcp(world, tokens.access_token)
  for (let call = 0; call < 4; call++) await introspect(world, { token: tokens.access_token }, basic(client))
  watch.failure = new StorageUnavailableError()
  await fetch(`${world.issuer}/oauth/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  watch.failure = undefined
  return samplesIn(await world.app.mcpOAuth.metrics.text())
}

function fits ({ labels }: Sample, { label, operator, value }: Selector['matchers'][number]): boolean {
  if (added.includes(label)) return true
  const actual = labels[label]
  if (actual === undefined) return false
  const isEqual = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(actual) : actual === value
  return isEqual !== operator.startsWith('!')
}

/** What a query names that is not there. */
function missing ({ selectors, labels }: Query, samples: readonly Sample[]): string[] {
  const named = selectors.map(({ metric }) => samples.filter(({ name }) => name === metric))
  const known = new Set([...added, ...named.flat().flatMap(sample => Object.keys(sample.labels))])
  return [
    ...selectors.filter((_, index) => named[index]?.length === 0).map(({ metric }) => metric),
    // `!=` finds what has not happened here.
    ...selectors.flatMap(({ metric, matchers }, index) => matchers.filter(matcher => {
      const found = named[index] ?? []
      return matcher.operator === '!=' ? !found.some(sample => matcher.label in sample.labels) : !found.some(sample => fits(sample, matcher))
    }).map(({ label, value }) => `${metric}{${label}="${value}"}`)),
    ...labels.filter(label => !known.has(label))
  ]
}

const samples = await playedSamples()

t.test('what is misspelt in a query is noticed', async t => {
  const wrong: Record<string, RegExp> = {
    'sum(rate(oauth_requests_total[5m])': /\) is missing/,
    'sum(rat(oauth_requests_total[5m]))': /rat is no function/,
    'sum(rate(oauth_requests_total))': /needs a range/,
    'oauth_grants_alive[5m]': /has a range/,
    'sum(oauth_requests_total{status=5})': /not a matcher/,
    'sum by (status (oauth_requests_total)': /not closed/,
    'sum by ("x") (oauth_requests_total)': /no label/,
    'oauth_grants_alive oauth_clients_alive': /out of place/,
    '> 1': /out of place/,
    'a ; b': /not PromQL/,
    'oauth_grants_alive >': /missing before the end/
  }
  for (const [query, message] of Object.entries(wrong)) t.throws(() => readPromql(query), { message }, query)
  const absent: Record<string, string[]> = {
    'rate(oauth_request_total[5m])': ['oauth_request_total'],
    'rate(oauth_requests_total{endpont="token"}[5m])': ['oauth_requests_total{endpont="token"}'],
    'rate(oauth_requests_total{endpoint="tokens"}[5m])': ['oauth_requests_total{endpoint="tokens"}'],
    'rate(oauth_requests_total{endpoint!~".*"}[5m])': ['oauth_requests_total{endpoint=".*"}'],
    'rate(oauth_requests_total{kind!="token"}[5m])': ['oauth_requests_total{kind="token"}'],
    'sum by (provider, instance) (rate(oauth_requests_total{job="mcp"}[5m]))': ['provider']
  }
  for (const [query, names] of Object.entries(absent)) t.strictSame(missing(readPromql(query), samples), names, query)
})

t.test('alerts.yml: each name once, and every metric, label and value that a rule names is there', async t => {
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  for (const { alert, expr } of rules) t.strictSame(missing(readPromql(expr), samples), [], alert)
})

t.test('alerts.yml: what a summary tells of its series is what the rule leaves of them', async t => {
  for (const { alert, expr, annotations: { summary } } of rules) {
    for (const [, label = ''] of summary.matchAll(/\$labels\.(\w+)/g)) t.ok(readPromql(expr).labels.includes(label), `${alert}: ${label}`)
    t.notMatch(summary.replaceAll(/\{\{ \$(?:labels\.\w+|value(?: \| humanize\w*)?) \}\}/g, ''), /[{}$]/, alert)
  }
})

t.test('alerts.yml: each rule has a runbook, and each runbook a rule', async t => {
  const page = document('docs/metrics.md')
  const sections = page.headings.map(heading => `docs/metrics.md#${heading.toLowerCase().replaceAll(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-')}`)
  const first = page.headings.indexOf('When an alert fires')
  const runbooks = rules.map(({ annotations }) => annotations.runbook)
  for (const runbook of runbooks) t.ok(sections.includes(runbook), runbook)
  t.strictSame([...new Set(runbooks)].sort(), sections.slice(first + 1).sort())
})

t.test('dashboard.json: every metric, label and value that a panel names is there', async t => {
  for (const { title, targets } of board.panels) {
    for (const { expr } of targets) {
      const query = expr.replaceAll('$__rate_interval', '5m').replaceAll('$job', '.*')
      t.notMatch(query, /\$/, title)
      t.strictSame(missing(readPromql(query), samples), [], `${title}: ${expr}`)
    }
  }
})

t.test('dashboard.json: what a legend shows is what the query leaves', async t => {
  for (const { title, targets } of board.panels) {
    for (const { expr, legendFormat } of targets) {
      const { labels } = readPromql(expr.replaceAll('$__rate_interval', '5m'))
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) t.ok(labels.includes(label), `${title}: ${label}`)
    }
  }
})

t.test('dashboard.json: panels have ids of their own and no two lie on each other', async t => {
  t.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length)
  t.strictSame(board.templating.list.map(({ name }) => name), ['datasource', 'job'])
  const taken = new Set<string>()
  for (const { title, gridPos: { x, y, w, h } } of board.panels) {
    t.ok(x + w <= 24, title)
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        t.notOk(taken.has(`${column} ${line}`), title)
        taken.add(`${column} ${line}`)
      }
    }
  }
})

t.test('every metric is in the dashboard or in an alert, and in the table of the page', async t => {
  const names = new Set(samples.map(({ name }) => name.replace(/_(?:bucket|sum|count)$/, '')))
  const queries = [...rules.map(({ expr }) => expr), ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))].join('\n')
  for (const name of names) t.match(queries, name, name)
  const listed = [...document('docs/metrics.md').text.matchAll(/^\| `([a-z_]+)/gm)].map(([, name]) => name)
  t.strictSame(listed.sort(), [...names].sort())
})

t.test('the table of the page names every label, and every value of those that have few', async t => {
  for (const [, name = '', labels = ''] of document('docs/metrics.md').text.matchAll(/^\| `([a-z_]+)(?:\{(.*?)\})?` \|/gm)) {
    const found = samples.find(sample => sample.name === name || sample.name === `${name}_count`)
    t.strictSame(labels.split(',').filter(label => label !== ''), Object.keys(found?.labels ?? {}), name)
  }
  const { text } = document('docs/metrics.md')
  for (const { name, labels } of samples) {
    const value = labels['reason'] ?? (name === 'oauth_sign_ins_total' ? labels['outcome'] : labels['kind'])
    if (value !== undefined) t.match(text, `\`${value}\``, `${name} ${value}`)
  }
})

t.test('prometheus.yml loads those rules and scrapes each instance by itself', async t => {
  const config = z.strictObject({
    rule_files: z.tuple([z.literal('alerts.yml')]),
    scrape_configs: z.tuple([z.strictObject({
      job_name: z.string(),
      scrape_interval: duration,
      metrics_path: z.literal('/metrics'),
      static_configs: z.array(z.strictObject({ targets: z.array(z.string().regex(/^[\d.]+:\d+$/)) }))
    })])
  })
  t.doesNotThrow(() => config.parse(parse(read('prometheus.yml'))))
})
