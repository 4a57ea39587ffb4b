import { administration, type Administration, type Administrator } from '../../administration.ts'
import { OAuthError } from '../../errors.ts'
import { normalizeEmail, readEmailList } from '../../oauth/email.ts'
import { parameter, requiredParameter, type Parameters } from '../../oauth/parameters.ts'
import { displayText } from '../../oauth/text.ts'
import { clientName } from '../../pages/connections.ts'
import type { RefusalName, Words } from '../../pages/words/index.ts'
import type { AuthorizationServer } from '../../server.ts'
import type { UserChanges, UserRole } from '../../storage/records.ts'
import { PageError } from '../page-error.ts'

/** What an administrator can change, by the name that forms send. */
export type ChangeName = keyof Words['admin']['changes']

/** How many addresses a list may have. */
const mostAddresses = 1000

function refused (page: RefusalName, description: string, email = ''): PageError {
  return new PageError(page, description, { code: 'invalid_request', subject: { email } })
}

export function gone (): PageError {
  return refused('gone', 'There is no such entry any more')
}

function emailOf (form: Parameters): string {
  const email = requiredParameter(form, 'email')
  const address = normalizeEmail(email)
  if (address === undefined) throw refused('badEmail', 'This is not one plain e-mail address', email)
  return address
}

/** Longer than any name. */
const longestName = 200

function nameOf (form: Parameters): string | undefined {
  const name = parameter(form, 'name')
  if (name !== undefined && name.length > longestName) throw new OAuthError('invalid_request', `A name may have ${longestName} characters`)
  return name
}

function roleOf (form: Parameters): UserRole {
  return parameter(form, 'role') === 'admin' ? 'admin' : 'user'
}

function emailsOf (form: Parameters): string[] {
  // Not by `parameter`, which refuses line ends.
  const [list, ...others] = form.get('emails') ?? []
  if (list === undefined || others.length > 0) throw new OAuthError('invalid_request', 'The parameter emails is missing, or was sent more than once')
  const { emails, wrong } = readEmailList(list)
  if (wrong.length > 0) throw refused('badEmails', 'Some are not plain e-mail addresses', wrong.slice(0, 10).map(entry => displayText(entry)).join(', '))
  if (emails.length > mostAddresses) throw new OAuthError('invalid_request', `A list may have ${mostAddresses} addresses`)
  return emails
}

/** What a change does. */
interface Work {
  /** Who is changed, or what: a line each. Wrong input is refused here, before anybody signs in for it. */
  about (server: AuthorizationServer, form: Parameters, words: Words): Promise<string[]>
  /** @returns the page to go on to, below the administration's */
  run (admin: Administration, form: Parameters): Promise<string>
}

function pageOfUser (userId: string, more: Record<string, string> = {}): string {
  return `/user?${new URLSearchParams({ id: userId, ...more })}`
}

async function aboutUser ({ storage }: AuthorizationServer, form: Parameters): Promise<string[]> {
  const user = await storage.findUser(requiredParameter(form, 'user'))
  if (user === undefined) throw gone()
  return [user.email]
}

async function aboutClient ({ storage }: AuthorizationServer, form: Parameters, words: Words): Promise<string[]> {
  const client = await storage.findClient(requiredParameter(form, 'client'))
  if (client === undefined) throw gone()
  return [`${clientName(client.name, words)} (${client.id})`]
}

/** Changes one member of a user's row. The last administrator stays one. */
function userChange (changes: UserChanges): Work {
  return {
    about: aboutUser,
    async run ({ users }, form) {
      const userId = requiredParameter(form, 'user')
      const result = await users.update(userId, changes, { keepsAdmin: true })
      if (result === 'last-admin') throw refused('lastAdmin', 'The last administrator has to stay one')
      if (typeof result !== 'object') throw gone()
      return pageOfUser(userId, { done: 'yes' })
    }
  }
}

function clientChange (active: boolean): Work {
  return {
    about: aboutClient,
    async run ({ clients }, form) {
      const clientId = requiredParameter(form, 'client')
      if (!await clients.setActive(clientId, active)) throw gone()
      return `/client?${new URLSearchParams({ id: clientId, done: 'yes' })}`
    }
  }
}

const works: Record<ChangeName, Work> = {
  'add-user': {
    about: async (_server, form, { admin }) => {
      const name = nameOf(form)
      return [emailOf(form), ...name === undefined ? [] : [displayText(name)], ...roleOf(form) === 'admin' ? [admin.asAdmin] : []]
    },
    async run ({ users }, form) {
      const email = emailOf(form)
      const name = nameOf(form)
      const userId = await users.add({ email, role: roleOf(form), ...name !== undefined && { name } })
      if (userId === undefined) throw refused('emailTaken', 'The address is on the list already', email)
      return pageOfUser(userId, { done: 'yes' })
    }
  },
  'import-users': {
    about: async (_server, form) => emailsOf(form),
    async run ({ users }, form) {
      const emails = emailsOf(form)
      let added = 0
      for (const email of emails) if (await users.add({ email }) !== undefined) added++
      return `?${new URLSearchParams({ added: `${added}/${emails.length}` })}`
    }
  },
  suspend: userChange({ status: 'suspended' }),
  activate: userChange({ status: 'active' }),
  promote: userChange({ role: 'admin' }),
  demote: userChange({ role: 'user' }),
  unpin: {
    about: aboutUser,
    async run ({ users }, form) {
      const userId = requiredParameter(form, 'user')
      if (!await users.unpin(userId)) throw gone()
      return pageOfUser(userId, { done: 'yes' })
    }
  },
  'remove-user': {
    about: aboutUser,
    async run ({ users }, form) {
      const result = await users.remove(requiredParameter(form, 'user'), { keepsAdmin: true })
      if (result === 'last-admin') throw refused('lastAdmin', 'The last administrator has to stay one')
      if (!result) throw gone()
      return '?done=yes'
    }
  },
  'end-connection': {
    about: async (server, form, words) => [...await aboutUser(server, form), ...await aboutClient(server, form, words)],
    async run ({ grants }, form) {
      const userId = requiredParameter(form, 'user')
      await grants.revokeAll(userId, requiredParameter(form, 'client'))
      return pageOfUser(userId, { done: 'yes' })
    }
  },
  'end-connections': {
    about: aboutUser,
    async run ({ grants }, form) {
      const userId = requiredParameter(form, 'user')
      await grants.revokeAll(userId)
      return pageOfUser(userId, { done: 'yes' })
    }
  },
  'deactivate-client': clientChange(false),
  'activate-client': clientChange(true)
}

/** A Map: the name comes from outside. */
const known = new Map(Object.entries(works))

function isChangeName (name: string): name is ChangeName {
  return known.has(name)
}

/** A change that a form asks for. */
export interface Change {
  name: ChangeName
  about (words: Words): Promise<string[]>
  /**
   * @param by whom the audit trail names
   * @returns the page to go on to, below the administration's
   */
  run (by: Administrator): Promise<string>
}

/** @throws {OAuthError} `invalid_request` where it asks for no change that there is. */
export function changeOf (server: AuthorizationServer, form: Parameters): Change {
  const name = requiredParameter(form, 'change')
  if (!isChangeName(name)) throw new OAuthError('invalid_request', 'There is no such change')
  const work = works[name]
  return {
    name,
    about: async words => await work.about(server, form, words),
    run: async by => await work.run(administration(server, by), form)
  }
}
