import { html } from 'ghtml'
import { destination } from './consent.ts'
import { page } from './layout.ts'

export interface MessageContent {
  title: string
  /** What happened and what to do, a paragraph each. */
  paragraphs: readonly string[]
  /** The client's redirect URI with the answer in it: followed by a click, never by itself. */
  back?: string
  /** Under which the log has it. */
  reference: string
}

/** A page that tells what happened, with a way back to the client where there is one. */
export function messagePage ({ title, paragraphs, back, reference }: MessageContent): string {
  return page({
    title,
    body: html`!${paragraphs.map(paragraph => html`<p>${paragraph}</p>`)}
!${back === undefined ? '' : html`<p><a class="button" href="${back}">Back to ${destination(back)}</a></p>`}
<p><small>Reference: ${reference}</small></p>`
  })
}

/** A page that is only passed through: by itself, or by its link where a browser does not go on by itself. */
export function leavingPage (next: string, title: string, link: string): string {
  return page({ title, next, body: html`<p><a class="button" href="${next}">${link}</a></p>` })
}
