import { html } from 'ghtml'
import type { Page } from '../layout.ts'
import type { Words } from '../words/index.ts'
import { adminPage, hiddenCsrf, type AdminContext } from './frame.ts'

export interface PendingChange {
  name: keyof Words['admin']['changes']
  /** Who or what it is about, a line each. */
  about: readonly string[]
  /** What its form sent. */
  fields: ReadonlyArray<readonly [name: string, value: string]>
}

/** A change that waited for a sign-in: shown once more, so that nothing happens that the person does not see. */
export function confirmPage (context: AdminContext, change: PendingChange, isProven: boolean, words: Words): Page {
  const { admin } = words
  return adminPage(context, 'users', admin.confirmTitle, html`<p>${isProven ? admin.confirmProven : admin.confirmUnproven}</p>
<p><strong>${admin.changes[change.name]}</strong></p>
<ul>!${change.about.map(line => html`<li>${line}</li>`)}</ul>
<form method="post" action="${context.path}/changes" class="buttons">
!${hiddenCsrf(context)}
!${change.fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="go">${admin.confirm}</button>
<a class="button" href="${context.path}">${admin.discard}</a>
</form>`, words)
}
