import t from 'tap'
import { checkPages, type PageOptions } from '../../lib/pages/options.ts'
import { optionErrorOf } from '../fixtures/option-error.ts'

const png = 'data:image/png;base64,iVBORw0KGgo='

t.test('what the pages can not be is refused, by its name', async t => {
  const wrong: Array<[string, unknown]> = [
    ['pages', null], ['pages', 'account'], ['pages', true], ['pages', () => {}],
    ['pages.title', { title: 'x' }], ['pages.constructor', { constructor: 'x' }],
    ['pages.name', { name: '' }], ['pages.name', { name: ' \t' }], ['pages.name', { name: 1 }], ['pages.name', { name: null }],
    ['pages.logo', { logo: 'https://example.com/logo.png' }], ['pages.logo', { logo: 'data:text/html,<script>' }], ['pages.logo', { logo: 'data:image/png' }], ['pages.logo', { logo: `${png}" onerror="x` }],
    ['pages.logo', { logo: png + 'A'.repeat(131_072) }], ['pages.logo', { logo: '' }], ['pages.logo', { logo: 'data:image/gif;base64,AAAA' }], ['pages.logo', { logo: 1 }], ['pages.logo', { logo: ` ${png}` }],
    ['pages.accentColor', { accentColor: 'red' }], ['pages.accentColor', { accentColor: '#fff' }], ['pages.accentColor', { accentColor: '#1d4ed8;}' }], ['pages.accentColor', { accentColor: '#1d4ed8\n' }],
    ['pages.accentColor', { accentColor: '' }], ['pages.accentColor', { accentColor: 0x1d4ed8 }],
    ['pages.supportUrl', { supportUrl: 'http://example.com' }], ['pages.supportUrl', { supportUrl: 'javascript:alert(1)' }], ['pages.supportUrl', { supportUrl: '/help' }], ['pages.supportUrl', { supportUrl: '' }],
    ['pages.supportUrl', { supportUrl: 1 }], ['pages.supportUrl', { supportUrl: ' javascript:alert(1)' }],
    ['pages.css', { css: '</style><script>' }], ['pages.css', { css: '</STYLE ' }], ['pages.css', { css: 1 }],
    ['pages.render', { render: 'x' }], ['pages.account', { account: 'yes' }], ['pages.admin', { admin: 1 }]
  ]
  for (const [option, pages] of wrong) t.equal(optionErrorOf(() => checkPages(pages as PageOptions, 'api.example.com')).option, option, JSON.stringify(pages)?.slice(0, 60))
})

t.test('what is not said has defaults: no page besides, and the host for a name', async t => {
  const pages = checkPages({}, 'api.example.com')
  t.strictSame({ ...pages }, { name: 'api.example.com', logo: undefined, accentColor: '#1d4ed8', supportUrl: undefined, css: '', render: undefined, account: false, admin: false })
  t.ok(Object.isFrozen(pages))
})

t.test('what is right stays as it is', async t => {
  const given = { name: 'The Restaurant', logo: png, accentColor: '#0F6b4f', supportUrl: 'mailto:help@example.com', css: 'main { color: red }\n</div>', render: () => '', account: true, admin: true }
  t.strictSame({ ...checkPages(given, 'x') }, given)
  for (const type of ['png', 'jpeg', 'webp', 'svg+xml']) t.equal(checkPages({ logo: `data:image/${type},x` }, 'x').logo, `data:image/${type},x`)
  t.equal(checkPages({ supportUrl: 'https://example.com/help' }, 'x').supportUrl, 'https://example.com/help')
})
