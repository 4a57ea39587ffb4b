import { html } from 'ghtml'
import type { Page } from '../layout.ts'
import type { Words } from '../words/index.ts'

/** What every page of the administration knows about its visitor. */
export interface AdminContext {
  /** The path of the administration. */
  path: string
  email: string
  csrf: string
  /** For how many more minutes changes count without another sign-in; 0 where they do not. */
  freshMinutes: number
  /** What has just been done, in words. */
  notice?: string | undefined
  /** Whether what happens is written down. */
  hasTrail: boolean
}

export type AdminSection = 'users' | 'clients' | 'trail'

export function hiddenCsrf ({ csrf }: AdminContext): string {
  return html`<input type="hidden" name="csrf" value="${csrf}">`
}

/** A form of buttons, each of which is a change of the same thing. */
export function changeButtons (context: AdminContext, fields: Record<string, string>, changes: ReadonlyArray<keyof Words['admin']['changes']>, { admin }: Words): string {
  return html`<form method="post" action="${context.path}/changes" class="small">
!${hiddenCsrf(context)}
!${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
!${changes.map(change => html`<button name="change" value="${change}">${admin.changes[change]}</button>`)}
</form>`
}

/** Puts what all pages of the administration have around one. */
export function adminPage (context: AdminContext, section: AdminSection, title: string, content: string, words: Words): Page {
  const { admin, account, trail } = words
  const { path, email, freshMinutes, notice, hasTrail } = context
  const link = (name: AdminSection, href: string, label: string) =>
    html`<li><a href="${href}"!${name === section ? ' aria-current="true"' : ''}>${label}</a></li>`
  return {
    kind: 'admin',
    title,
    body: html`<nav aria-label="${admin.title}"><ul>!${link('users', path, admin.users)}!${link('clients', `${path}/clients`, admin.clients)}!${hasTrail ? link('trail', `${path}/trail`, trail.title) : ''}</ul></nav>
<h1>${title}</h1>
!${notice === undefined ? '' : html`<p class="done" role="status">${notice}</p>`}
!${content}
<div class="end">
<p class="quiet">${account.signedInAs(email)} ${freshMinutes > 0 ? admin.fresh(freshMinutes) : admin.stale}</p>
<form method="post" action="${path}/sign-out" class="small">!${hiddenCsrf(context)}<button>${account.signOut}</button></form>
</div>`
  }
}

/** The way to what happened to somebody or something. */
export function trailLink ({ path, hasTrail }: AdminContext, filter: Record<string, string>, label: string): string {
  return hasTrail ? html`<p><a href="${`${path}/trail?${new URLSearchParams(filter)}`}">${label}</a></p>` : ''
}

/** A page of a list. */
export interface Listed<Row> {
  rows: readonly Row[]
  search: string
  offset: number
  /** How many a page has. */
  limit: number
  hasMore: boolean
}

/** The field that looks through a list. */
export function searchForm (action: string, search: string, label: string, { admin }: Words): string {
  return html`<form method="get" action="${action}" class="search" role="search">
<label>${label} <input type="search" name="search" value="${search}" maxlength="200"></label>
<button>${admin.search}</button>
</form>`
}

/** The ways to the pages before and after. */
export function pager (action: string, { search, offset, limit, hasMore }: Listed<unknown>, { admin }: Words): string {
  const to = (start: number) => `${action}?${new URLSearchParams({ ...search === '' ? {} : { search }, offset: String(start) })}`
  return html`<p class="small">
!${offset === 0 ? '' : html`<a class="button" rel="prev" href="${to(Math.max(0, offset - limit))}">${admin.previous}</a>`}
!${hasMore ? html`<a class="button" rel="next" href="${to(offset + limit)}">${admin.next}</a>` : ''}
</p>`
}
