import { html } from 'ghtml'
import type { DocumentChanges } from '../oauth/client-document.ts'
import { isLoopbackUri } from '../oauth/redirect-uri.ts'
import { displayText } from '../oauth/text.ts'
import type { ProviderMark } from '../providers/types.ts'
import { hiddenFields, providerButtons, type SealedForm } from './form.ts'
import type { Page } from './layout.ts'
import { scopeWords, type Words } from './words/index.ts'

/** What a person decides about. */
export interface ConsentContent {
  /** The client's own claim. */
  clientName: string
  /** The host that the client is known by; undefined where it only registered. */
  clientHost: string | undefined
  /** As a `data:` URI, where the client's own host has it. */
  logo: string | undefined
  /** What it says of itself otherwise than the last time. */
  changes: DocumentChanges & { since: Date } | undefined
  redirectUri: string
  /** The resource that is asked for. */
  resource: string
  /** By its name, the deployer's words for a scope; undefined where they are the standard's. */
  scopes: ReadonlyArray<{ name: string, words: string | undefined }>
  /** What the person of this browser allowed the same client before. */
  earlier: { at: Date, scopes: readonly string[] } | undefined
  providers: ReadonlyArray<{ id: string, name: string, mark?: ProviderMark }>
  form: SealedForm
}

type ScopeGroup = keyof Words['consent']['groups']

/** A Map: other scopes are looked up here too. */
const groupOf = new Map<string, ScopeGroup>([['openid', 'identity'], ['email', 'identity'], ['profile', 'identity'], ['offline_access', 'presence']])

/** Where a redirect leads, in the words of somebody who has to decide about it. */
export function destination (redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri)
  return /^https?:$/.test(protocol) ? host : redirectUri.replace(/\?.*$/s, '')
}

function warning (redirectUri: string, { consent }: Words): string {
  if (isLoopbackUri(redirectUri)) return html`<p class="notice">${consent.loopback}</p>`
  return redirectUri.startsWith('https:') ? '' : html`<p class="notice">${consent.app}</p>`
}

/** Whoever holds the client's host now may not be who held it then. */
function changed (changes: ConsentContent['changes'], { consent, date }: Words): string {
  if (changes === undefined) return ''
  const { formerName, redirectUris, since } = changes
  const sentences = [
    consent.changed(date(since)),
    ...formerName === undefined ? [] : [consent.formerName(displayText(formerName))],
    ...redirectUris ? [consent.otherRedirects] : []
  ]
  return html`<p class="notice">${sentences.join(' ')}</p>`
}

function isNew ({ earlier }: ConsentContent, scope: string): boolean {
  return earlier !== undefined && !earlier.scopes.includes(scope)
}

/** Only words: nothing is approved because something was. OAuth 2.1 §7.3. */
function remembered (content: ConsentContent, { consent, date }: Words): string {
  const { earlier, scopes } = content
  if (earlier === undefined) return ''
  const at = date(earlier.at)
  return html`<p class="done">${scopes.some(({ name }) => isNew(content, name)) ? consent.allowedLess(at) : consent.allowedBefore(at)}</p>`
}

function permissions (content: ConsentContent, words: Words): string {
  const { consent } = words
  const groups: ScopeGroup[] = ['access', 'identity', 'presence']
  return html`!${groups.map(group => {
    const own = content.scopes.filter(({ name }) => (groupOf.get(name) ?? 'access') === group)
    if (own.length === 0) return ''
    return html`<dt>${consent.groups[group]}</dt><dd><ul>!${own.map(({ name, words: given }) =>
      html`<li><bdi>${scopeWords(name, given, words)}</bdi>!${isNew(content, name) ? html` <span class="tag">${consent.isNew}</span>` : ''}</li>`)}</ul></dd>
`
  })}`
}

function clientMark (logo: string | undefined, name: string): string {
  if (logo !== undefined) return html`<img src="${logo}" alt="">`
  const [initial = '?'] = Array.from(name)
  return html`<span class="monogram" aria-hidden="true">${initial.toUpperCase()}</span>`
}

/** Who asks, where it leads, what for; one button a provider, and one to deny. */
export function consentPage (content: ConsentContent, words: Words): Page {
  const { clientHost, changes, redirectUri, resource, providers, form } = content
  const { consent } = words
  const name = displayText(content.clientName)
  const title = name === '' ? consent.nameless : consent.title(name)
  const names = [...new Set(providers.map(provider => displayText(provider.name)))]
  return {
    kind: 'consent',
    title,
    body: html`<div class="who">!${clientMark(content.logo, name)}<h1>${title}</h1></div>
<p class="quiet">${consent.claim}</p>
!${changed(changes, words)}
!${remembered(content, words)}
<dl>
!${clientHost === undefined ? '' : html`<dt>${consent.checkedAddress}</dt><dd><strong><bdi dir="ltr">${clientHost}</bdi></strong></dd>`}
<dt>${consent.accessTo}</dt><dd><bdi dir="ltr">${resource}</bdi></dd>
<dt>${consent.answerTo}</dt><dd><strong><bdi dir="ltr">${destination(redirectUri)}</bdi></strong></dd>
!${permissions(content, words)}
</dl>
!${warning(redirectUri, words)}
<p class="quiet">${consent.next(names.join(consent.or))}</p>
<form method="post" action="${form.action}" class="buttons">
!${hiddenFields(form)}
!${providerButtons(providers, form, consent.allow)}
<button name="decision" value="deny">${consent.deny}</button>
</form>`
  }
}
