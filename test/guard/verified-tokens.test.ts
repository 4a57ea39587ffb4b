import t from 'tap'
import { OAuthError, StorageUnavailableError } from '../../lib/errors.ts'
import type { Access } from '../../lib/guard/access.ts'
import { VerifiedTokens, type Verified } from '../../lib/guard/verified-tokens.ts'
import type { Change } from '../../lib/storage/changes.ts'

const header = 'Bearer the.token.of-ann'
const start = Date.parse('2026-01-01T00:00:00Z')

function verifiedOf (authorization: string, changes: Partial<Access> = {}): Verified {
  const access: Access = {
    user: { id: 'ann', email: 'ann@example.com', name: 'Ann', role: 'user' },
    client: { id: 'client', name: 'Client' },
    scopes: ['openid'],
    resource: 'https://api.example.com/mcp',
    grantId: 'grant',
    tokenId: 'token',
    expiresAt: new Date(start + 3_600_000),
    ...changes
  }
  const token = authorization.slice('Bearer '.length)
  const auth = { token, clientId: 'client', scopes: ['openid'], expiresAt: access.expiresAt.getTime() / 1000, resource: new URL(access.resource), extra: { user: access.user, grantId: 'grant' } }
  return { access, auth, forLog: {}, keyId: 'key' }
}

/** Answers when the test says so. */
function setUp (revalidateAfter = 5) {
  const asked: Array<{ authorization: string, at: number, known: Verified | undefined, answer: (given?: Partial<Access>) => void, fail: (error: unknown) => void }> = []
  const tokens = new VerifiedTokens(revalidateAfter, async (authorization, now, known) => await new Promise<Verified>((resolve, reject) => {
    asked.push({ authorization, known, at: now.getTime() - start, answer: given => { resolve(verifiedOf(authorization, given)) }, fail: reject })
  }))
  const at = (seconds: number) => start + seconds * 1000
  const asking = (seconds: number, authorization = header) => {
    const checked = tokens.check(authorization, at(seconds))
    const question = asked.at(-1)
    if (question === undefined) throw new Error('nobody asked')
    return { checked, ...question }
  }
  return {
    tokens,
    asked,
    at,
    get: (seconds: number, authorization = header) => tokens.get(authorization, at(seconds)),
    asking,
    known: async (seconds: number, authorization = header, given: Partial<Access> = {}) => {
      const { checked, answer } = asking(seconds, authorization)
      answer(given)
      return await checked
    }
  }
}

const settle = async () => { for (let turns = 0; turns < 10; turns++) await null }

t.test('of those who ask for the first time at once, one does', async t => {
  const { tokens, asked, at, get } = setUp()
  const all = Array.from({ length: 50 }, async () => await tokens.check(header, at(0)))
  t.equal(asked.length, 1)
  asked[0]?.answer()
  t.equal(new Set(await Promise.all(all)).size, 1)
  t.equal(get(0), await all[0])
})

t.test('a refusal is told to all who asked at once, and not remembered', async t => {
  const { tokens, asked, at, get } = setUp()
  const all = [tokens.check(header, at(0)), tokens.check(header, at(0))]
  asked[0]?.fail(new OAuthError('invalid_token', 'no'))
  for (const one of all) await t.rejects(one, { code: 'invalid_token' })
  t.equal(get(0), undefined)
  const again = tokens.check(header, at(0))
  t.equal(asked.length, 2, 'whoever comes after it asks again')
  asked[1]?.answer()
  t.ok(await again)
})

t.test('another header is another question, whatever its end', async t => {
  const { tokens, asked, at, get } = setUp()
  const end = 'x'.repeat(43)
  const all = [tokens.check(`Bearer a.${end}`, at(0)), tokens.check(`Bearer b.${end}`, at(0))]
  t.equal(asked.length, 2)
  for (const { answer } of asked) answer()
  await Promise.all(all)
  t.equal(get(0, `Bearer a.${end}`), undefined)
  t.ok(get(0, `Bearer b.${end}`))
})

t.test('whoever looks again is told what was found before, about this header alone', async t => {
  for (const revalidateAfter of [0, 5]) {
    const { asked, asking, known, get } = setUp(revalidateAfter)
    const [mine, other] = [`Bearer a.${'x'.repeat(43)}`, `Bearer b.${'x'.repeat(43)}`]
    const found = await known(0, mine)
    t.equal(asked[0]?.known, undefined)
    const foreign = asking(6, other)
    t.equal(foreign.known, undefined, 'the end alone is no token')
    foreign.fail(new OAuthError('invalid_token', 'no'))
    await t.rejects(foreign.checked)
    const again = asking(7, mine)
    t.equal(again.known?.access, found.access, 'and its refusal is not that of the token')
    again.fail(new Error('the database is away'))
    await t.rejects(again.checked)
    const later = asking(8, mine)
    t.equal(later.known?.access, found.access)
    later.fail(new OAuthError('invalid_token', 'revoked'))
    await t.rejects(later.checked)
    t.equal(asking(9, mine).known, undefined, 'what was refused is not known any more')
    t.equal(get(9, mine), undefined)
  }
})

t.test('what a change concerns is not known any more', async t => {
  const { tokens, asking, known } = setUp(0)
  await known(0)
  tokens.forget([{ kind: 'grant', id: 'another' }])
  t.ok(asking(1).known)
  tokens.forget([{ kind: 'grant', id: 'grant' }])
  t.equal(asking(2).known, undefined)
})

t.test('revalidateAfter 0: each asks for itself, and nothing is kept that is gone by unasked', async t => {
  const { tokens, asked, at, get } = setUp(0)
  const all = [tokens.check(header, at(0)), tokens.check(header, at(0))]
  t.equal(asked.length, 2)
  for (const { answer } of asked) answer()
  await Promise.all(all)
  t.equal(get(0), undefined)
})

t.test('what takes longer than revalidateAfter is shared with nobody who comes later', async t => {
  const { tokens, asked, at } = setUp()
  const first = tokens.check(header, at(0))
  const near = tokens.check(header, at(4.999))
  t.equal(asked.length, 1)
  const late = tokens.check(header, at(5))
  t.equal(asked.length, 2)
  asked[0]?.answer()
  await first
  await near
  t.equal(asked.length, 2)
  const joined = tokens.check(header, at(6))
  t.equal(asked.length, 2, 'the end of the first does not end the sharing of the second')
  asked[1]?.answer()
  await Promise.all([late, joined])
})

t.test('one that hangs is shared for five seconds at most', async t => {
  const { tokens, asked, at } = setUp(3600)
  tokens.check(header, at(0)).catch(() => {})
  tokens.check(header, at(4.999)).catch(() => {})
  t.equal(asked.length, 1)
  const later = tokens.check(header, at(5))
  t.equal(asked.length, 2)
  asked[1]?.answer()
  t.ok(await later)
})

t.test('what is found counts from the moment of the question', async t => {
  const { asking, get } = setUp()
  const { checked, answer } = asking(0)
  answer()
  t.equal((await checked).validUntil, start + 5000)
  t.ok(get(4.999))
  t.equal(get(5), undefined)
})

t.test('a clock that is set back prolongs nothing', async t => {
  const { known, get } = setUp()
  await known(0)
  t.ok(get(0))
  t.equal(get(-0.001), undefined)
})

t.test('a token in use is checked again before it is due, once, and nobody waits', async t => {
  const { known, get, asked } = setUp()
  const first = await known(0)
  t.equal(get(3.999), first)
  t.equal(asked.length, 1)
  t.equal(get(4), first)
  t.equal(get(4.1), first)
  t.equal(asked.length, 2)
  t.match(asked[1], { authorization: header, at: 4000 })
  asked[1]?.answer()
  await settle()
  t.not(get(4.2), first)
  t.equal(get(8.999)?.validUntil, start + 9000)
  t.equal(get(9), undefined)
})

t.test('one that nobody uses is not', async t => {
  const { known, get, asked } = setUp()
  await known(0)
  t.equal(get(5), undefined)
  t.equal(asked.length, 1)
})

t.test('a check in the background that can not be made extends nothing, and is tried again', async t => {
  const { known, get, asked } = setUp()
  const first = await known(0)
  get(4)
  asked[1]?.fail(new StorageUnavailableError())
  await settle()
  t.equal(get(4.2), first, 'it stays for as long as it would have')
  t.equal(asked.length, 2, 'not at each request')
  t.equal(get(4.25), first)
  t.equal(asked.length, 3)
  asked[2]?.fail(new StorageUnavailableError())
  await settle()
  t.equal(get(5), undefined)
})

t.test('one that is refused in the background is let go at once', async t => {
  const { known, get, asked } = setUp()
  await known(0)
  get(4)
  asked[1]?.fail(new OAuthError('invalid_token', 'no'))
  await settle()
  t.equal(get(4.1), undefined)
})

t.test('but not what was found since', async t => {
  const { known, get, asked, tokens } = setUp()
  await known(0)
  get(4)
  tokens.forget([{ kind: 'token', id: 'another' }])
  const newer = await known(4.1)
  asked[1]?.fail(new OAuthError('invalid_token', 'no'))
  await settle()
  t.equal(get(4.2), newer)
})

const concerned: Change[] = [{ kind: 'token', id: 'token' }, { kind: 'grant', id: 'grant' }, { kind: 'client', id: 'client' }, { kind: 'user', id: 'ann' }]

for (const change of concerned) {
  t.test(`T19: a change of the ${change.kind} lets go of what hangs on it, and of no more`, async t => {
    const { known, get, tokens } = setUp()
    await known(0)
    const other = { tokenId: 'token-2', grantId: 'grant-2', client: { id: 'client-2', name: 'Client' }, user: { id: 'bob', email: 'bob@example.com', name: null, role: 'user' as const } }
    await known(0, 'Bearer the.token.of-bob', other)
    tokens.forget([{ ...change, id: `${change.id}-3` }])
    t.ok(get(1))
    tokens.forget([{ kind: 'grant', id: 'another' }, change])
    t.equal(get(1), undefined)
    t.ok(get(1, 'Bearer the.token.of-bob'))
    for (const kind of ['token', 'grant', 'client', 'user'] as const) if (kind !== change.kind) tokens.forget([{ kind, id: change.id }])
    t.ok(get(1, 'Bearer the.token.of-bob'))
    tokens.forget('everything')
    t.equal(get(1, 'Bearer the.token.of-bob'), undefined)
  })
}

t.test('T19: an answer that is under way when something changes is given to who asked, and not kept', async t => {
  for (const changes of ['everything', [{ kind: 'token', id: 'another' }]] as const) {
    const { asking, get, tokens, asked, at } = setUp()
    const { checked, answer } = asking(0)
    tokens.forget(changes)
    const after = tokens.check(header, at(0))
    t.equal(asked.length, 2, 'who comes after it asks again')
    answer()
    t.equal((await checked).validUntil, start, 'whoever goes by it for longer has to look again')
    t.equal(get(0), undefined)
    asked[1]?.answer()
    t.equal(get(0), undefined)
    t.equal(await after, get(0))
  }
})

t.test('T19: nor is a check in the background', async t => {
  const { known, get, tokens, asked } = setUp()
  await known(0)
  get(4)
  tokens.forget('everything')
  asked[1]?.answer()
  await settle()
  t.equal(get(4), undefined)
})

t.test('of more tokens than there is room for, those go that were used longest ago', async t => {
  const { known, get } = setUp()
  for (let index = 0; index < 10_000; index++) await known(0, `Bearer the.token.of-${index}`)
  t.ok(get(1, 'Bearer the.token.of-0'))
  await known(1, 'Bearer the.token.of-10000')
  t.equal(get(1, 'Bearer the.token.of-1'), undefined)
  t.ok(get(1, 'Bearer the.token.of-0'))
  t.ok(get(1, 'Bearer the.token.of-10000'))
})
