import t from 'tap'
import { cacheLifetime, type CacheHeaders } from '../../lib/oauth/cache-lifetime.ts'
import { fc } from '../fixtures/property.ts'

const now = new Date('2026-11-01T12:00:00Z')
const none: CacheHeaders = { age: undefined, 'cache-control': undefined, date: undefined, expires: undefined }
const lifetime = (headers: Partial<CacheHeaders>) => cacheLifetime({ ...none, ...headers }, now)

t.test('REG-03, RFC 9111 §4.2.1: max-age goes before Expires, and Age is taken off', async t => {
  t.equal(lifetime({ 'cache-control': 'public, max-age=3600' }), 3600)
  t.equal(lifetime({ 'cache-control': 'PUBLIC,Max-Age = "3600"', expires: 'Sun, 01 Nov 2026 12:05:00 GMT' }), 3600)
  t.equal(lifetime({ 'cache-control': 'max-age=3600', age: '600' }), 3000)
  t.equal(lifetime({ 'cache-control': 'max-age=3600', age: 'old' }), 3600)
  t.equal(lifetime({ expires: 'Sun, 01 Nov 2026 12:05:00 GMT' }), 300)
  t.equal(lifetime({ expires: 'Sun, 01 Nov 2026 12:05:00 GMT', date: 'Sun, 01 Nov 2026 11:55:00 GMT' }), 600, 'by the sender’s own clock')
  t.equal(lifetime({ 'cache-control': 's-maxage=3600, x-max-age=3600', expires: 'Sun, 01 Nov 2026 12:05:00 GMT' }), 300)
})

t.test('REG-03: at least a minute, at most a day', async t => {
  const short: Array<Partial<CacheHeaders>> = [
    {}, { 'cache-control': 'no-store, max-age=3600' }, { 'cache-control': 'max-age=3600, no-cache' }, { 'cache-control': 'max-age=0' }, { 'cache-control': 'max-age=-5' }, { 'cache-control': 'max-age' },
    { 'cache-control': 'max-age=60', age: '3600' }, { 'cache-control': 'max-age=99999999999' }, { expires: '0' }, { expires: 'never' }, { expires: 'Sun, 01 Nov 2020 12:00:00 GMT' }, { 'cache-control': '' }, { 'cache-control': ',=,' }
  ]
  for (const headers of short) t.equal(lifetime(headers), 60, JSON.stringify(headers))
  for (const headers of [{ 'cache-control': 'max-age=31536000, immutable' }, { 'cache-control': 'max-age=9999999999' }, { expires: 'Sun, 01 Nov 2099 12:00:00 GMT' }]) t.equal(lifetime(headers), 86_400, JSON.stringify(headers))
})

t.test('REG-03: whatever the headers hold, the time is within the bounds', async t => {
  const value = fc.option(fc.oneof(fc.string(), fc.integer().map(seconds => `max-age=${seconds}`), fc.date().map(String)), { nil: undefined })
  fc.assert(fc.property(fc.record({ age: value, 'cache-control': value, date: value, expires: value }), headers => {
    const seconds = cacheLifetime(headers, now)
    return seconds >= 60 && seconds <= 86_400
  }))
  t.pass()
})
