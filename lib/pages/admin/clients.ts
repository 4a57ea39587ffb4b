import { html } from 'ghtml'
import type { Client } from '../../storage/records.ts'
import { clientName } from '../connections.ts'
import type { Page } from '../layout.ts'
import type { Words } from '../words/index.ts'
import { adminPage, changeButtons, pager, searchForm, trailLink, type AdminContext, type Listed } from './frame.ts'

function statusOf ({ active }: Client, { admin }: Words): string {
  return admin.statuses[active ? 'active' : 'suspended']
}

function clientItem ({ path }: AdminContext, client: Client, words: Words): string {
  return html`<li><a href="${`${path}/client?${new URLSearchParams({ id: client.id })}`}">${clientName(client.name, words)}</a>
<bdi dir="ltr" class="quiet">${client.id}</bdi>
!${client.active ? '' : html`<span class="tag">${statusOf(client, words)}</span>`}</li>
`
}

export function clientsPage (context: AdminContext, listed: Listed<Client>, words: Words): Page {
  const { admin } = words
  const action = `${context.path}/clients`
  return adminPage(context, 'clients', admin.clients, html`!${searchForm(action, listed.search, admin.searchClients, words)}
!${listed.rows.length === 0 ? html`<p>${admin.nothing}</p>` : html`<ul class="rows">!${listed.rows.map(client => clientItem(context, client, words))}</ul>`}
!${pager(action, listed, words)}`, words)
}

export function clientPage (context: AdminContext, client: Client, words: Words): Page {
  const { account, admin, date } = words
  return adminPage(context, 'clients', clientName(client.name, words), html`<dl class="facts">
<dt>${admin.clientId}</dt><dd><bdi dir="ltr">${client.id}</bdi></dd>
<dt>${account.host}</dt><dd>${client.documentFetchedAt === null ? account.registered : new URL(client.id).host}</dd>
<dt>${admin.status}</dt><dd>${statusOf(client, words)}</dd>
<dt>${admin.secret}</dt><dd>${client.secretHash === null ? admin.no : admin.yes}</dd>
<dt>${admin.created}</dt><dd>${date(client.createdAt)}</dd>
<dt>${admin.redirects}</dt><dd><ul>!${client.redirectUris.map(uri => html`<li><bdi dir="ltr">${uri}</bdi></li>`)}</ul></dd>
</dl>
!${trailLink(context, { client: client.id }, words.trail.ofClient)}
!${changeButtons(context, { client: client.id }, [client.active ? 'deactivate-client' : 'activate-client'], words)}`, words)
}
