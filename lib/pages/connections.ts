import { html } from 'ghtml'
import type { ConnectedClient } from '../grants/connections.ts'
import { displayText } from '../oauth/text.ts'
import { destination } from './consent.ts'
import { scopeWords, type Words } from './words/index.ts'

/** How a client is called where there is no doubt that it is its own claim. */
export function clientName (name: string, { account }: Words): string {
  return displayText(name) || account.nameless
}

/**
 * What a client has in somebody's name.
 *
 * @param scopes the deployer's words for scopes
 * @param form what ends it, HTML
 */
export function connectionItem ({ client, connectedAt, lastUsedAt, endsAt, scopes, redirectUris }: ConnectedClient, given: ReadonlyMap<string, string | undefined>, form: string, words: Words): string {
  const { account, date } = words
  const host = client.documentFetchedAt === null ? account.registered : new URL(client.id).host
  return html`<li><h2>${clientName(client.name, words)}</h2>
<dl>
<dt>${account.host}</dt><dd><bdi>${host}</bdi></dd>
!${redirectUris.length === 0 ? '' : html`<dt>${account.answers}</dt><dd><bdi dir="ltr">${[...new Set(redirectUris.map(destination))].join(', ')}</bdi></dd>`}
<dt>${account.may}</dt><dd><ul>!${scopes.map(scope => html`<li><bdi>${scopeWords(scope, given.get(scope), words)}</bdi></li>`)}</ul></dd>
<dt>${account.first}</dt><dd>${date(connectedAt)}</dd>
<dt>${account.last}</dt><dd>${date(lastUsedAt)}</dd>
<dt>${account.until}</dt><dd>${date(endsAt)}</dd>
</dl>
!${form}</li>
`
}
