import { html } from 'ghtml'
import type { ConnectedClient } from '../grants/connections.ts'
import { clientName, connectionItem } from './connections.ts'
import type { Page } from './layout.ts'
import type { Words } from './words/index.ts'

export interface AccountContent {
  email: string
  connections: readonly ConnectedClient[]
  /** The deployer's words for scopes. */
  scopes: ReadonlyMap<string, string | undefined>
  /** Whether something was ended just now. */
  hasEnded: boolean
  /** The path of the page. */
  path: string
  /** Whether what happens is written down. */
  hasTrail: boolean
  csrf: string
}

/** What somebody has connected, and how to end it. */
export function accountPage ({ email, connections, scopes, hasEnded, path, hasTrail, csrf }: AccountContent, words: Words): Page {
  const { account } = words
  const hidden = html`<input type="hidden" name="csrf" value="${csrf}">`
  const items = connections.map(connection => connectionItem(connection, scopes, html`<form method="post" action="${path}/end">
!${hidden}
<button name="client" value="${connection.client.id}">${account.end(clientName(connection.client.name, words))}</button>
</form>`, words))
  return {
    kind: 'account',
    title: account.title,
    body: html`<h1>${account.title}</h1>
<p>${account.signedInAs(email)}</p>
!${hasEnded ? html`<p class="done" role="status">${account.ended}</p>` : ''}
!${items.length === 0 ? html`<p>${account.none}</p>` : html`<ul class="cards">!${items}</ul>`}
!${items.length < 2 ? '' : html`<form method="post" action="${path}/end">!${hidden}<button name="all" value="yes">${account.endAll}</button></form>`}
!${hasTrail ? html`<p><a href="${path}/trail">${words.trail.own}</a></p>` : ''}
<form method="post" action="${path}/sign-out" class="small end">!${hidden}<button>${account.signOut}</button></form>`
  }
}
