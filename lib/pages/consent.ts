import { html } from 'ghtml'
import type { DocumentChanges } from '../oauth/client-document.ts'
import { isLoopbackUri } from '../oauth/redirect-uri.ts'
import { displayText } from '../oauth/text.ts'
import { page } from './layout.ts'

/** What a person decides about. */
export interface ConsentContent {
  /** The client's own claim. */
  clientName: string
  /** The host that the client is known by; undefined where it only registered. */
  clientHost: string | undefined
  /** What it says of itself otherwise than the last time. */
  changes: DocumentChanges & { since: Date } | undefined
  redirectUri: string
  /** The resource that is asked for. */
  resource: string
  /** What each scope means, in words. */
  permissions: readonly string[]
  providers: ReadonlyArray<{ id: string, name: string }>
  /** Where the form goes. */
  action: string
  request: string
  csrf: string
}

/** Where a redirect leads, in the words of somebody who has to decide about it. */
export function destination (redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri)
  return /^https?:$/.test(protocol) ? host : redirectUri.replace(/\?.*$/s, '')
}

function warning (redirectUri: string): string {
  if (isLoopbackUri(redirectUri)) {
    return html`<p class="warning">The answer goes to a program on this computer. Go on only if you have just started this yourself.</p>`
  }
  if (redirectUri.startsWith('https:')) return ''
  return html`<p class="warning">The answer goes to an app on this device. Go on only if you have just started this yourself.</p>`
}

const longDate = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

/** Whoever holds the client's host now may not be who held it then. */
function changed (changes: ConsentContent['changes']): string {
  if (changes === undefined) return ''
  const { formerName, redirectUris, since } = changes
  return html`<p class="warning">The application has changed since ${longDate.format(since)}, when somebody last signed in with it.!${
    formerName === undefined ? '' : html` It called itself “${displayText(formerName)}” then.`}!${
    redirectUris ? ' It named other addresses for its answers then.' : ''}</p>`
}

/** Who asks, where it leads, what for; one button a provider, and one to deny. */
export function consentPage ({ clientName, clientHost, changes, redirectUri, resource, permissions, providers, action, request, csrf }: ConsentContent): string {
  const name = displayText(clientName)
  const title = name === '' ? 'An application without a name wants access' : `“${name}” wants access`
  return page({
    title,
    body: html`<p>The name is what the application says about itself. Nobody has checked it.</p>
!${changed(changes)}
<dl>
!${clientHost === undefined ? '' : html`<dt>Its address, which has been checked</dt><dd><strong>${clientHost}</strong></dd>`}
<dt>Access to</dt><dd>${resource}</dd>
<dt>Your answer is sent to</dt><dd><strong>${destination(redirectUri)}</strong></dd>
<dt>It will be able to</dt><dd><ul>!${permissions.map(permission => html`<li>${permission}</li>`)}</ul></dd>
</dl>
!${warning(redirectUri)}
<form method="post" action="${action}">
<input type="hidden" name="request" value="${request}">
<input type="hidden" name="csrf" value="${csrf}">
!${providers.map(provider => html`<button name="decision" value="allow" formaction="${action}?provider=${provider.id}">Allow and sign in with ${displayText(provider.name)}</button>`)}
<button name="decision" value="deny">Deny</button>
</form>`
  })
}
