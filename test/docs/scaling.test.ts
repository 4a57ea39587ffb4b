import { readFileSync } from 'node:fs'
import t from 'tap'
import { document, root } from '../fixtures/documentation.ts'

type Part = { rows: Record<string, Record<string, number>>, targets: Array<{ what: string, reached: number }> }

const results = JSON.parse(readFileSync(`${root}benchmarks/results.json`, 'utf8')) as Record<string, Part>
const { text } = document('docs/scaling.md')

function read (part: string, row: string, column: string): number {
  const value = results[part]?.rows[row]?.[column]
  if (value === undefined) throw new Error(`benchmarks/results.json has no ${column} of ${row}`)
  return value
}

/** Two digits that count, as nobody believes more. */
function about (rate: number): string {
  return Number(rate.toPrecision(2)).toLocaleString('en')
}

t.test('what one core carries is what the benchmarks have measured', async t => {
  const rows: Record<string, [part: string, row: string]> = {
    'a request with a token that it knows': ['warm', 'fastify-mcp-oauth'],
    'the same, with the audit trail of access and metrics': ['warm', 'fastify-mcp-oauth, audit of access and metrics'],
    'a request of which the database is asked (`revalidateAfter: 0`)': ['asking', 'strict: fastify-mcp-oauth, revalidateAfter: 0'],
    'the first request with a token': ['asking', 'cold: fastify-mcp-oauth'],
    'a refresh': ['endpoints', 'refresh: fastify-mcp-oauth'],
    'a code exchange': ['endpoints', 'code exchange: fastify-mcp-oauth'],
    'an introspection': ['endpoints', 'introspect: fastify-mcp-oauth'],
    'a registration': ['endpoints', 'register: fastify-mcp-oauth']
  }
  for (const [what, [part, row]] of Object.entries(rows)) {
    const time = read(part, row, 'server µs/request')
    t.match(text, `| ${what} | ${time} µs | ${read(part, row, 'PostgreSQL µs/request')} µs | ${about(1e6 / time)}/s |`)
  }
})

t.test('how many statements it is, and what they take, is what the benchmarks have measured', async t => {
  const statements = (endpoint: string) => read('endpoints', `${endpoint}: fastify-mcp-oauth`, 'statements/request')
  t.match(text, `it was ${statements('refresh')} statements a refresh, ${statements('code exchange')} a code exchange and ${statements('introspect')} an introspection`)
  const event = read('warm', 'fastify-mcp-oauth, audit of access and metrics', 'PostgreSQL µs/request')
  t.match(text, `at ${event} µs each`)
  t.match(document('docs/audit.md').text, `about ${event} microseconds of its processor for each`)
  t.match(text, `an unprotected route took ${read('warm', 'Fastify, unprotected', 'server µs/request')} µs`)
})

t.test('what a row takes is what the benchmarks have measured', async t => {
  for (const table of ['user_profiles', 'oauth_clients', 'oauth_grants', 'oauth_tokens', 'oauth_authorization_codes', 'oauth_audit_events']) {
    t.match(text, `| \`${table}\` | ${read('sizes', table, 'bytes a row') + read('sizes', table, 'of indexes')} |`)
  }
})

t.test('what grows, grows as the benchmarks have measured', async t => {
  const reached = (part: string, start: string) => results[part]?.targets.find(({ what }) => what.startsWith(start))?.reached.toFixed(2)
  t.match(text, `took ${reached('growth', 'guard cold')} times as long as with a thousand tokens, a refresh ${reached('growth', 'refresh')} times, an introspection ${reached('growth', 'introspect')} times`)
  t.match(text, `its heap was ${read('memory', 'heap', 'more, MB').toFixed(0)} MB larger`)
})
