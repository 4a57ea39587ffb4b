import { html } from 'ghtml'
import type { ConnectedClient } from '../../grants/connections.ts'
import { displayText } from '../../oauth/text.ts'
import type { User } from '../../storage/records.ts'
import { connectionItem } from '../connections.ts'
import type { Page } from '../layout.ts'
import type { Words } from '../words/index.ts'
import { adminPage, changeButtons, hiddenCsrf, pager, searchForm, trailLink, type AdminContext, type Listed } from './frame.ts'

function statusOf ({ status }: User, { admin }: Words): string {
  return admin.statuses[status === 'active' ? 'active' : 'suspended']
}

function userItem ({ path }: AdminContext, user: User, words: Words): string {
  const { admin } = words
  return html`<li><a href="${`${path}/user?${new URLSearchParams({ id: user.id })}`}">${user.email}</a>
<bdi>${displayText(user.name ?? '')}</bdi>
!${user.role === 'admin' ? html`<span class="tag">${admin.roles.admin}</span>` : ''}
!${user.status === 'active' ? '' : html`<span class="tag">${statusOf(user, words)}</span>`}</li>
`
}

function addForm (context: AdminContext, { admin }: Words): string {
  return html`<h2>${admin.add}</h2>
<form method="post" action="${context.path}/changes">
!${hiddenCsrf(context)}
<label>${admin.email} <input type="email" name="email" maxlength="254" required autocomplete="off"></label>
<label>${admin.name} <input name="name" maxlength="200" autocomplete="off"></label>
<label class="inline"><input type="checkbox" name="role" value="admin"> ${admin.asAdmin}</label>
<div class="small"><button class="go" name="change" value="add-user">${admin.addButton}</button></div>
</form>
<h2>${admin.import}</h2>
<form method="post" action="${context.path}/changes">
!${hiddenCsrf(context)}
<label>${admin.importLabel} <textarea name="emails" rows="4" required></textarea></label>
<div class="small"><button class="go" name="change" value="import-users">${admin.importButton}</button></div>
</form>`
}

/** The whitelist. */
export function usersPage (context: AdminContext, listed: Listed<User>, words: Words): Page {
  const { admin } = words
  return adminPage(context, 'users', admin.users, html`!${searchForm(context.path, listed.search, admin.searchUsers, words)}
!${listed.rows.length === 0 ? html`<p>${admin.nobody}</p>` : html`<ul class="rows">!${listed.rows.map(user => userItem(context, user, words))}</ul>`}
!${pager(context.path, listed, words)}
!${addForm(context, words)}`, words)
}

/** One entry of the whitelist, and what its clients have. */
export function userPage (
  context: AdminContext, user: User, connections: readonly ConnectedClient[], scopes: ReadonlyMap<string, string | undefined>, words: Words
): Page {
  const { admin, date } = words
  const about = { user: user.id }
  const items = connections.map(connection =>
    connectionItem(connection, scopes, changeButtons(context, { ...about, client: connection.client.id }, ['end-connection'], words), words))
  return adminPage(context, 'users', user.email, html`<dl class="facts">
<dt>${admin.name}</dt><dd>${displayText(user.name ?? '')}</dd>
<dt>${admin.status}</dt><dd>${statusOf(user, words)}</dd>
<dt>${admin.role}</dt><dd>${admin.roles[user.role]}</dd>
<dt>${admin.pinned}</dt><dd><bdi>${user.provider === null ? admin.unpinned : [user.provider, user.providerIssuer, user.providerUserId].filter(part => part !== null).map(part => displayText(part, 255)).join(' · ')}</bdi></dd>
<dt>${admin.lastLogin}</dt><dd>${user.lastLoginAt === null ? admin.never : date(user.lastLoginAt)}</dd>
</dl>
!${trailLink(context, about, words.trail.ofUser)}
!${changeButtons(context, about, [
  user.status === 'active' ? 'suspend' : 'activate', user.role === 'admin' ? 'demote' : 'promote', ...user.provider === null ? [] : ['unpin' as const]
], words)}
<details><summary>${admin.changes['remove-user']} …</summary>!${changeButtons(context, about, ['remove-user'], words)}</details>
<h2>${admin.connections}</h2>
!${items.length === 0 ? html`<p>${admin.noConnections}</p>` : html`<ul class="cards">!${items}</ul>`}
!${items.length < 2 ? '' : changeButtons(context, about, ['end-connections'], words)}`, words)
}
