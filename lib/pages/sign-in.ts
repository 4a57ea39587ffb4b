import { html } from 'ghtml'
import type { ProviderMark } from '../providers/types.ts'
import { hiddenFields, providerButtons, type SealedForm } from './form.ts'
import type { Page } from './layout.ts'
import type { Words } from './words/index.ts'

export interface SignInContent {
  title: string
  text: string
  /** What waits for the sign-in, a line each. */
  waiting?: readonly string[]
  providers: ReadonlyArray<{ id: string, name: string, mark?: ProviderMark }>
  form: SealedForm
}

/** Where people sign in for a page of ours: nobody is sent to a provider without a click. */
export function signInPage ({ title, text, waiting = [], providers, form }: SignInContent, words: Words): Page {
  return {
    kind: 'sign-in',
    title,
    body: html`<h1>${title}</h1>
<p>${text}</p>
!${waiting.length === 0 ? '' : html`<ul>!${waiting.map(line => html`<li>${line}</li>`)}</ul>`}
<form method="post" action="${form.action}" class="buttons">
!${hiddenFields(form)}
!${providerButtons(providers, form, words.signInWith)}
</form>`
  }
}
