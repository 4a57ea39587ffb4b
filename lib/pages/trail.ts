import { html } from 'ghtml'
import type { AuditEvent } from '../audit/event.ts'
import { summaryOf } from '../audit/summary.ts'
import { displayText } from '../oauth/text.ts'
import type { User } from '../storage/records.ts'
import { clientName } from './connections.ts'
import type { Page } from './layout.ts'
import { labelOf, type Words } from './words/index.ts'

/** A page of what happened. */
export interface TrailContent {
  events: readonly AuditEvent[]
  /** Where the next page begins; undefined where there is none. */
  after: string | undefined
  /** Whether no page is before it. */
  isFirst: boolean
  /** Of the clients that are still there, by their ids. */
  clientNames: ReadonlyMap<string, string>
}

/** What is known of an event, HTML; undefined for what is not. */
export type Fact = readonly [label: string, value: string | undefined]

/** Somebody else's text. Undefined where it says nothing. */
export function foreign (text: string | null, limit = 300): string | undefined {
  const shown = displayText(text ?? '', limit)
  return shown === '' ? undefined : html`<bdi>${shown}</bdi>`
}

/** What any page says of an event. */
export function factsOf (event: AuditEvent, { trail }: Words): Fact[] {
  return [[trail.what, foreign(summaryOf(event))], [trail.reason, foreign(event.reason)]]
}

/** Where an event came from. */
export function originFacts ({ address, userAgent }: AuditEvent, { trail }: Words): Fact[] {
  return [[trail.address, foreign(address)], [trail.userAgent, foreign(userAgent)]]
}

/** What happened, one thing after the other. */
export function eventList (events: readonly AuditEvent[], factsOf: (event: AuditEvent) => readonly Fact[], { trail }: Words): string {
  if (events.length === 0) return html`<p>${trail.nothing}</p>`
  return html`<ul class="rows events">!${events.map(event => html`<li><time datetime="${event.at.toISOString()}">${trail.time(event.at)}</time>
<strong>${labelOf(trail.types, event.type)}</strong>
!${event.outcome === 'success' ? '' : html`<span class="tag">${labelOf(trail.outcomes, event.outcome)}</span>`}
<dl>!${factsOf(event).map(([label, value]) => value === undefined ? '' : html`<div><dt>${label}</dt><dd>!${value}</dd></div>`)}</dl></li>
`)}</ul>`
}

/** The ways to the latest events and to older ones. */
export function trailPager (action: string, filter: Record<string, string>, { after, isFirst }: TrailContent, { trail }: Words): string {
  const to = (more: Record<string, string>) => {
    const query = new URLSearchParams({ ...filter, ...more }).toString()
    return query === '' ? action : `${action}?${query}`
  }
  return html`<p class="small">
!${isFirst ? '' : html`<a class="button" href="${to({})}">${trail.latest}</a>`}
!${after === undefined ? '' : html`<a class="button" rel="next" href="${to({ after })}">${trail.older}</a>`}
</p>`
}

/** What a user is shown: of what others did, not where they were. */
function ownFacts (event: AuditEvent, { id }: Pick<User, 'id'>, names: ReadonlyMap<string, string>, words: Words): Fact[] {
  const { trail } = words
  const { actor, clientId } = event
  const name = clientId === null ? undefined : names.get(clientId)
  const application = name === undefined ? foreign(clientId, 512) : html`<bdi>${clientName(name, words)}</bdi>`
  return [
    [trail.by, actor.id === id ? undefined : html`${labelOf(trail.actors, actor.type)}`],
    [trail.application, application],
    ...factsOf(event, words),
    ...actor.id === id || actor.type === 'client' ? originFacts(event, words) : []
  ]
}

export interface OwnTrail {
  user: Pick<User, 'id' | 'email'>
  trail: TrailContent
  /** The path of the account. */
  path: string
}

/** What happened in somebody's name, for themselves. */
export function ownTrailPage ({ user, trail, path }: OwnTrail, words: Words): Page {
  return {
    kind: 'account',
    title: words.trail.own,
    body: html`<h1>${words.trail.own}</h1>
<p>${words.account.signedInAs(user.email)}</p>
<p class="quiet">${words.trail.ownText}</p>
!${eventList(trail.events, event => ownFacts(event, user, trail.clientNames, words), words)}
!${trailPager(`${path}/trail`, {}, trail, words)}
<p class="small end"><a class="button" href="${path}">${words.account.back}</a></p>`
  }
}
