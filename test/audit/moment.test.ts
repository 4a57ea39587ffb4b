import t from 'tap'
import { parseMoment } from '../../lib/audit/moment.ts'

t.test('RFC 3339 §5.6: a day or a time of it, in UTC where nothing else is said', async t => {
  const moments: Record<string, string> = {
    '2026-11-25': '2026-11-25T00:00:00.000Z',
    '2024-02-29': '2024-02-29T00:00:00.000Z',
    '2026-11-25T09:30': '2026-11-25T09:30:00.000Z',
    '2026-11-25 09:30Z': '2026-11-25T09:30:00.000Z',
    '2026-11-25 09:30:12Z': '2026-11-25T09:30:12.000Z',
    '2026-11-25T09:30:12.345Z': '2026-11-25T09:30:12.345Z',
    '2026-11-25T09:30+02:00': '2026-11-25T07:30:00.000Z',
    '2026-11-25T00:30-05:30': '2026-11-25T06:00:00.000Z'
  }
  for (const [text, moment] of Object.entries(moments)) t.equal(parseMoment(text)?.toISOString(), moment, text)
})

t.test('what is none is none, and nothing rolls over', async t => {
  const none = [
    '', ' ', '2026', '2026-11', '2026-02-29', '2026-02-30', '2026-13-01', '2026-00-10', '2026-11-00', '2026-11-32', '2026-11-25T', '2026-11-25T09', '2026-11-25T25:00', '2026-11-25T09:60', '2026-11-25T09:30:61Z',
    '2026-11-25T09:30 Z', '2026-11-25T09:30+2', '2026-11-25T09:30+99:99', ' 2026-11-25', '2026-11-25\n', '+02026-11-25', '12026-11-25', '25.11.2026', '11/25/2026', 'yesterday', 'NaN', '1e9', '24h', '\u0662\u0660\u0662\u0666-11-25'
  ]
  for (const text of none) t.equal(parseMoment(text), undefined, JSON.stringify(text))
})
