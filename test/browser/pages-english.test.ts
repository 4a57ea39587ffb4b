import t from 'tap'
import { checkPages } from '../fixtures/tour/check-pages.ts'

// Some sixty pages, each gone to by clicks.
t.setTimeout(900_000)

t.test('every page keeps to its content security policy, loads nothing from elsewhere, and can be used by everybody', async t => {
  await checkPages(t, 'en')
})
