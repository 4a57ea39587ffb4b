import t from 'tap'
import { ClientDocumentError } from '../../lib/clients/client-document-error.ts'
import { ClientLogos } from '../../lib/clients/logos.ts'
import type { Fetched } from '../../lib/clients/safe-fetch.ts'

const now = new Date('2026-11-01T12:00:00Z')
const after = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const clientUrl = new URL('https://client.example/oauth/client.json')
const logoUri = 'https://client.example/logo.png'
const stranger = '198.51.100.1'
const shown = 'data:image/png;base64,AAAA'
const noHeaders = { age: undefined, 'cache-control': undefined, date: undefined, expires: undefined }

/** Logos that come from nowhere: what is asked for is written down. */
function play (answer: (url: URL) => Fetched<string> | Promise<Fetched<string>> = () => ({ value: shown, headers: noHeaders })) {
  const asked: string[] = []
  const failures: unknown[] = []
  const logos = new ClientLogos(error => { failures.push(error) }, async url => {
    asked.push(url.href)
    return await answer(url)
  })
  return { logos, asked, failures }
}

t.test('a wait that is over leaves no timer behind', async t => {
  const { logos } = play()
  const set = t.capture(globalThis, 'setTimeout', setTimeout)
  const cleared = t.capture(globalThis, 'clearTimeout', clearTimeout)
  await logos.get(clientUrl, logoUri, undefined, now)
  const timers = set().map(call => 'returned' in call ? call.returned : undefined)
  t.equal(timers.length, 1)
  t.strictSame(cleared().map(call => call.args[0]), timers)
})

t.test('a logo is kept as long as its headers say, from a minute to a day', async t => {
  const lifetimes: Array<[cacheControl: string | undefined, seconds: number]> = [['max-age=600', 600], ['no-store', 60], [undefined, 60], ['max-age=31536000, immutable', 86_400]]
  for (const [cacheControl, seconds] of lifetimes) {
    const { logos, asked } = play(() => ({ value: shown, headers: { ...noHeaders, 'cache-control': cacheControl } }))
    for (const at of [0, 1, seconds - 0.001]) t.equal(await logos.get(clientUrl, logoUri, undefined, after(at)), shown)
    t.equal(asked.length, 1, cacheControl ?? 'nothing')
    await logos.get(clientUrl, logoUri, undefined, after(seconds))
    t.equal(asked.length, 2, cacheControl ?? 'nothing')
  }
})

t.test('a hundred logos are kept, those that were asked for last', async t => {
  const { logos, asked } = play()
  const get = (turn: number) => logos.get(clientUrl, `${logoUri}?${turn}`, undefined, now)
  for (let turn = 0; turn < 101; turn++) await get(turn)
  await get(100)
  await get(1)
  t.equal(asked.length, 101)
  await get(0)
  t.equal(asked.length, 102)
})

t.test('a failure is kept for a minute, and is told once', async t => {
  let answer = (): Fetched<string> => { throw new ClientDocumentError('down', { isTemporary: true }) }
  const { logos, asked, failures } = play(() => answer())
  const get = (seconds: number) => logos.get(clientUrl, logoUri, undefined, after(seconds))
  t.same(await Promise.all([get(0), get(0), get(0)]), [undefined, undefined, undefined])
  answer = () => ({ value: shown, headers: noHeaders })
  t.equal(await get(59.999), undefined)
  t.match(failures, [{ message: 'down' }])
  t.equal(failures.length, 1)
  t.equal(asked.length, 1)
  t.equal(await get(60), shown)
})

t.test('even what nobody has thought of is no error for the person', async t => {
  const { logos, failures } = play(() => { throw new TypeError('a defect') })
  t.equal(await logos.get(clientUrl, logoUri, undefined, now), undefined)
  t.match(failures, [{ message: 'a defect' }])
})

t.test('one stranger makes us ask one host for ten logos a minute, and no more', async t => {
  const { logos, asked, failures } = play()
  const get = (turn: number, from: string | undefined, seconds = 0, host = clientUrl) => logos.get(host, `https://${host.host}/${turn}.png`, from, after(seconds))
  for (let turn = 0; turn < 100; turn++) await get(turn, stranger)
  t.equal(asked.length, 10)
  t.equal(failures.length, 90)
  t.match(failures.at(-1), { message: 'client.example has been asked too often' })
  t.equal(await get(1000, undefined), shown, 'strangers do not lock out who is known')
  t.equal(await get(1001, '192.0.2.2'), shown, 'nor each other')
  t.equal(await get(0, stranger, 0, new URL('https://other.example/c')), shown, 'another host is another one')
  t.equal(await get(99, stranger, 60), shown)
})

t.test('fifty strangers’ logos at a time, and no more', async t => {
  let open = () => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  const { logos, asked, failures } = play(async () => {
    await opened
    return { value: shown, headers: noHeaders }
  })
  const get = (host: string, from: string | undefined) => logos.get(new URL(`https://${host}/c`), `https://${host}/logo.png`, from, now)
  const waiting = Array.from({ length: 50 }, (_, turn) => get(`h${turn}.example`, `192.0.2.${turn}`))
  t.equal(await get('next.example', stranger), undefined)
  t.match(failures, [{ message: /too many/ }])
  const known = get('known.example', undefined)
  open()
  t.same(new Set(await Promise.all([...waiting, known])), new Set([shown]))
  t.equal(asked.length, 51)
  t.equal(await get('next.example', stranger), shown, 'and that it was too many is not kept')
})

t.test('one fetch for all who ask at the same time', async t => {
  const { logos, asked } = play()
  const got = await Promise.all(Array.from({ length: 50 }, () => logos.get(clientUrl, logoUri, undefined, now)))
  t.same(new Set(got), new Set([shown]))
  t.equal(asked.length, 1)
})
