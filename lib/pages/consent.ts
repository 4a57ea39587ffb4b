import { html } from 'ghtml'
import { isLoopbackUri } from '../oauth/redirect-uri.ts'
import { displayText } from '../oauth/text.ts'
import { page } from './layout.ts'

/** What a person decides about. */
export interface ConsentContent {
  /** The client's own claim. */
  clientName: string
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

/** Who asks, where it leads, what for; one button a provider, and one to deny. */
export function consentPage ({ clientName, redirectUri, resource, permissions, providers, action, request, csrf }: ConsentContent): string {
  const name = displayText(clientName)
  const title = name === '' ? 'An application without a name wants access' : `“${name}” wants access`
  return page({
    title,
    body: html`<p>The name is what the application says about itself. Nobody has checked it.</p>
<dl>
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
