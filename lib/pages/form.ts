import { html } from 'ghtml'
import { displayText } from '../oauth/text.ts'
import type { ProviderMark } from '../providers/types.ts'
import { providerMark } from './marks.ts'

/** A form with what makes it this browser's, and good for one time. */
export interface SealedForm {
  /** Where it goes. */
  action: string
  request: string
  csrf: string
}

export function hiddenFields ({ request, csrf }: Pick<SealedForm, 'request' | 'csrf'>): string {
  return html`<input type="hidden" name="request" value="${request}">
<input type="hidden" name="csrf" value="${csrf}">`
}

/**
 * One button for each provider, which allows and says where to sign in.
 *
 * @param label of the provider's name
 */
export function providerButtons (
  providers: ReadonlyArray<{ id: string, name: string, mark?: ProviderMark }>, { action }: Pick<SealedForm, 'action'>, label: (provider: string) => string
): string {
  return html`!${providers.map(({ id, name, mark }) =>
    html`<button class="go" name="decision" value="allow" formaction="${action}?provider=${id}">!${providerMark(mark)}<span>${label(displayText(name))}</span></button>
`)}`
}
