import { html } from 'ghtml'
import type { ProviderMark } from '../providers/types.ts'

/** What stands between the tags of an image of 24 by 24. */
const drawings: Record<ProviderMark | 'other', string> = {
  google: html`<g fill="none" stroke-width="4"><path stroke="#ea4335" d="M5.07 8A8 8 0 0 1 18.13 6.86"/><path stroke="#fbbc05" d="M5.07 16A8 8 0 0 1 5.07 8"/>
<path stroke="#34a853" d="M17.14 18.13A8 8 0 0 1 5.07 16"/><path stroke="#4285f4" d="M12 12H20A8 8 0 0 1 17.14 18.13"/></g>`,
  microsoft: html`<path fill="#f25022" d="M2 2h9.5v9.5H2z"/><path fill="#7fba00" d="M12.5 2H22v9.5h-9.5z"/><path fill="#00a4ef" d="M2 12.5h9.5V22H2z"/>
<path fill="#ffb900" d="M12.5 12.5H22V22h-9.5z"/>`,
  cognito: html`<rect fill="#c7252f" x="2" y="2" width="20" height="20" rx="4"/><circle fill="#ffffff" cx="12" cy="9.5" r="3"/>
<path fill="#ffffff" d="M6 18.5a6 5.5 0 0 1 12 0z"/>`,
  other: html`<g fill="none" stroke="currentColor" stroke-width="2"><circle cx="12" cy="8" r="4"/><path d="M4 21a8 7 0 0 1 16 0"/></g>`
}

/** The mark of a provider, for its button. It says nothing that the button's words do not. */
export function providerMark (mark: ProviderMark | undefined): string {
  return html`<svg viewBox="0 0 24 24" aria-hidden="true">!${drawings[mark ?? 'other']}</svg>`
}
