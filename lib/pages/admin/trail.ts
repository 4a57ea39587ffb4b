import { html } from 'ghtml'
import { auditEventTypes, type AuditEvent } from '../../audit/event.ts'
import { displayText } from '../../oauth/text.ts'
import type { Page } from '../layout.ts'
import { eventList, factsOf, foreign, originFacts, trailPager, type Fact, type TrailContent } from '../trail.ts'
import { labelOf, type Words } from '../words/index.ts'
import { adminPage, type AdminContext } from './frame.ts'

/** What the form of the page sends; empty for what is not looked for. */
export interface TrailFilter {
  /** An e-mail or an id. */
  user: string
  client: string
  type: string
  /** A day, as in 2026-11-25. */
  from: string
  /** A day: events of it are included. */
  until: string
}

export interface AdminTrail {
  filter: TrailFilter
  /** Undefined where nobody can tell who is meant. */
  trail: TrailContent | undefined
}

function filterForm (action: string, { user, client, type, from, until }: TrailFilter, { language, trail }: Words): string {
  const types = auditEventTypes.map(name => ({ name, label: trail.types[name] })).sort((one, other) => one.label.localeCompare(other.label, language))
  return html`<form method="get" action="${action}" class="search filters" role="search">
<label>${trail.user} <input name="user" value="${user}" maxlength="512" autocomplete="off"></label>
<label>${trail.client} <input name="client" value="${client}" maxlength="512" autocomplete="off"></label>
<label>${trail.type} <select name="type"><option value="">${trail.anyType}</option>!${types.map(({ name, label }) =>
    html`<option value="${name}"!${name === type ? ' selected' : ''}>${label}</option>`)}</select></label>
<label>${trail.from} <input type="date" name="from" value="${from}"></label>
<label>${trail.until} <input type="date" name="until" value="${until}"></label>
<button>${trail.show}</button>
</form>`
}

function link (action: string, filter: Record<string, string>, label: string): string {
  return html`<a href="${`${action}?${new URLSearchParams(filter)}`}"><bdi>${displayText(label, 512)}</bdi></a>`
}

function actorFact (action: string, { actor: { type, id, email } }: AuditEvent, { trail }: Words): Fact {
  const isPerson = type === 'user' || type === 'administrator'
  const who = isPerson && id !== null ? link(action, { user: id }, email ?? id) : foreign(email ?? id)
  return [trail.by, type === 'user' ? who : html`${labelOf(trail.actors, type)} !${who === undefined ? '' : html`(!${who})`}`]
}

/** What administrators are shown: all there is. */
function facts (action: string, event: AuditEvent, names: ReadonlyMap<string, string>, words: Words): Fact[] {
  const { trail } = words
  const { actor, userId, clientId } = event
  const name = clientId === null ? undefined : displayText(names.get(clientId) ?? '')
  return [
    actorFact(action, event, words),
    [trail.about, userId === null || userId === actor.id ? undefined : link(action, { user: userId }, userId)],
    [trail.application, clientId === null ? undefined : html`${name === '' ? '' : `${name} `}!${link(action, { client: clientId }, clientId)}`],
    ...factsOf(event, words),
    ...originFacts(event, words)
  ]
}

/** What happened on this server. */
export function trailPage (context: AdminContext, { filter, trail }: AdminTrail, words: Words): Page {
  const action = `${context.path}/trail`
  const wanted = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''))
  const content = trail === undefined
    ? html`<p class="notice" role="status">${words.trail.unknownUser}</p>`
    : html`!${eventList(trail.events, event => facts(action, event, trail.clientNames, words), words)}
!${trailPager(action, wanted, trail, words)}`
  return adminPage(context, 'trail', words.trail.title, html`!${filterForm(action, filter, words)}
<p class="quiet">${words.trail.text}</p>
!${content}`, words)
}
