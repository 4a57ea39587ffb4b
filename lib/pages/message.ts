import { html } from 'ghtml'
import type { ProviderMark } from '../providers/types.ts'
import { destination } from './consent.ts'
import { hiddenFields, providerButtons, type SealedForm } from './form.ts'
import type { Page } from './layout.ts'
import type { Message, Words } from './words/index.ts'

export interface MessageContent extends Message {
  /** Words for those who made the client, as the protocol has them. */
  detail?: string
  /** Whether to say how to remove the server in well-known clients and add it again. */
  steps?: boolean
  /** The client's redirect URI with the answer in it: followed by a click, never by itself. */
  back?: string
  /** Another page of ours to go to. */
  link?: { href: string, label: string }
  /** What was asked for once more, with a sign-in of another account. */
  retry?: { form: SealedForm, providers: ReadonlyArray<{ id: string, name: string, mark?: ProviderMark }>, label: string }
  /** Under which the log has it. */
  reference: string
}

function howTo ({ steps: { title, lines } }: Words): string {
  return html`<h2>${title}</h2>
<dl>!${lines.map(([client = '', step = '']) => html`<dt>${client}</dt><dd>${step}</dd>`)}</dl>`
}

function retryForm ({ form, providers, label }: NonNullable<MessageContent['retry']>, words: Words): string {
  const several = (provider: string) => `${label}: ${words.signInWith(provider)}`
  return html`<form method="post" action="${form.action}" class="buttons">
!${hiddenFields(form)}
!${providerButtons(providers, form, providers.length > 1 ? several : () => label)}
</form>`
}

/** A page that tells what happened, with a way back to the client where there is one. */
export function messagePage ({ title, paragraphs, detail, steps = false, back, link, retry, reference }: MessageContent, words: Words): Page {
  return {
    kind: 'message',
    title,
    body: html`<h1>${title}</h1>
!${paragraphs.map(paragraph => html`<p>${paragraph}</p>`)}
!${steps ? howTo(words) : ''}
!${detail === undefined ? '' : html`<p class="quiet">${words.detail} <bdi lang="en">${detail}</bdi></p>`}
!${retry === undefined ? '' : retryForm(retry, words)}
!${link === undefined ? '' : html`<p class="buttons"><a class="button" href="${link.href}">${link.label}</a></p>`}
!${back === undefined ? '' : html`<p class="buttons"><a class="button" href="${back}">${words.backTo(destination(back))}</a></p>`}
<p class="quiet"><small>${words.reference(reference)}</small></p>`
  }
}

/** A page that is only passed through: by itself, or by its link where a browser does not go on by itself. */
export function leavingPage (next: string, title: string, link: string, text?: string): Page {
  return {
    kind: 'leaving',
    title,
    next,
    body: html`<h1>${title}</h1>
!${text === undefined ? '' : html`<p>${text}</p>`}
<p class="buttons"><a class="button go" href="${next}">${link}</a></p>`
  }
}
