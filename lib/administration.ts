import { noOrigin, type AuditActor, type AuditOrigin } from './audit/event.ts'
import { createClient, type ClientInformation } from './clients/registration.ts'
import { randomId } from './keys/secrets.ts'
import type { SigningKeyDescription } from './keys/server-keys.ts'
import type { ClientMetadata } from './oauth/client-metadata.ts'
import { normalizeEmail } from './oauth/email.ts'
import type { ServerCore } from './server.ts'
import type { Client, User, UserChanges, UserRole } from './storage/records.ts'

export interface KeepsAdmin {
  /**
   * Whether to refuse what would leave no active administrator.
   *
   * @default false
   */
  keepsAdmin?: boolean
}

/** The whitelist. Every change counts at this process's next request, and elsewhere within `revalidateAfter`. */
export interface Users {
  /**
   * Puts an e-mail on the whitelist.
   *
   * @returns the row's id, or undefined where the e-mail is there already, in whatever spelling
   * @throws {TypeError} where it is not one plain address
   */
  add (user: { email: string, name?: string, role?: UserRole }): Promise<string | undefined>
  /** The rows with this e-mail in whatever spelling: one, unless someone has put it there twice. All rows where none is given. */
  list (email?: string): Promise<User[]>
  /**
   * Changes a row. A suspended user is refused from now on, a changed e-mail ends what the old one was given.
   *
   * @returns undefined where there is no such user; else what is in the way: the new e-mail is taken, or nobody would be left to administer
   * @throws {TypeError} where the new e-mail is not one plain address, or another change is none of `UserChanges`
   */
  update (userId: string, changes: UserChanges, options?: KeepsAdmin): Promise<User | 'taken' | 'last-admin' | undefined>
  /**
   * Takes the pin off a row, for somebody who has changed the provider or the account there: the next sign-in with the e-mail sets a new one.
   * Sessions and grants that the account of before began are ended.
   *
   * @returns whether there is such a user
   */
  unpin (userId: string): Promise<boolean>
  /** Removes a row and revokes the user's grants. @returns whether there was one, or that nobody would be left to administer */
  remove (userId: string, options?: KeepsAdmin): Promise<boolean | 'last-admin'>
}

export interface Clients {
  /**
   * Creates a client by the rules of registration, whatever `registration` says of who may register. It stays, however long it lies
   * unused.
   *
   * @param metadata the members of RFC 7591 §2, as a registration would have them
   * @returns the client as its registration would answer; its secret is shown this once
   * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`
   */
  create (metadata: ClientMetadata): Promise<ClientInformation>
  find (clientId: string): Promise<Client | undefined>
  /** A client that is not active gets nothing, and its tokens count for nothing. @returns whether there is such a client */
  setActive (clientId: string, active: boolean): Promise<boolean>
}

export interface Grants {
  /** Ends a grant and every token of it. @returns whether this call did */
  revoke (grantId: string): Promise<boolean>
  /** Ends what a client has in a user's name, or what all clients have. @returns how many grants that were */
  revokeAll (userId: string, clientId?: string): Promise<number>
  /**
   * Ends what every client has in everybody's name, as it is due after a database was restored: what was revoked since would live again.
   *
   * @param onProgress told of how many so far
   * @returns how many grants that were
   */
  revokeEvery (onProgress?: (revoked: number) => void): Promise<number>
}

/** The key pairs that sign id_tokens and, unless by HS256, access tokens. The root secret is not among them. */
export interface Keys {
  /** All that are published, without their private halves. */
  list (): Promise<SigningKeyDescription[]>
  /** Puts a new key in the place of each that signs. It is published now and signs minutes later, the old one verifies until its last token is dead. */
  rotate (): Promise<void>
}

function checkedEmail (email: string): string {
  const address = normalizeEmail(email)
  if (address === undefined) throw new TypeError(`${JSON.stringify(email)} is not one plain e-mail address`)
  return address
}

const changeable: Readonly<Record<string, (value: unknown) => boolean>> = {
  email: value => typeof value === 'string',
  name: value => value === null || typeof value === 'string',
  status: value => value === 'active' || value === 'suspended',
  role: value => value === 'user' || value === 'admin'
}

/** Changes often come from a request: nothing but what may be changed gets to the row. */
function checkedChanges (changes: UserChanges): UserChanges {
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue
    const check = Object.hasOwn(changeable, name) ? changeable[name] : undefined
    if (check?.(value) !== true) throw new TypeError(`${JSON.stringify(name)} can not be changed, or not to this value`)
  }
  return changes.email === undefined ? changes : { ...changes, email: checkedEmail(changes.email) }
}

export interface Administration {
  readonly users: Users
  readonly clients: Clients
  readonly grants: Grants
  readonly keys: Keys
}

/** How many rows one statement may hold. */
const revokedAtOnce = 1000

/** Who administers, and from where. */
export interface Administrator extends AuditOrigin { actor: AuditActor }

/** The application's own code. */
const api: Administrator = { actor: { type: 'operator', id: 'api' }, ...noOrigin }

/** The new values, but for a name: that it changed is enough. */
function described ({ name, ...changes }: UserChanges): Record<string, string> {
  const told = Object.entries(changes).filter(([, value]) => value !== undefined)
  return Object.fromEntries([...told, ...name === undefined ? [] : [['name', 'changed']]])
}

/**
 * What `fastify.mcpOAuth` offers to administer.
 *
 * @param by whom the audit trail names
 */
export function administration (server: ServerCore, by: Administrator = api): Administration {
  const { audit, storage } = server

  async function change<T> (done: Promise<T>): Promise<T> {
    try {
      return await done
    } finally {
      // Rare enough, and one may concern others: an e-mail that is there twice.
      server.forget('everything')
    }
  }

  return {
    users: {
      add: async ({ email, name, role = 'user' }) => {
        const user = { id: randomId(), email: checkedEmail(email), name: name ?? null, role }
        if (!await change(storage.addUser(user, new Date()))) return undefined
        audit.record({ type: 'user.added', ...by, userId: user.id, details: { email: user.email, role } })
        return user.id
      },
      list: async email => await storage.listUsers(email),
      update: async (userId, changes, { keepsAdmin } = {}) => {
        const checked = checkedChanges(changes)
        const updated = await change(storage.updateUser(userId, checked, new Date(), keepsAdmin))
        if (typeof updated === 'object') audit.record({ type: 'user.changed', ...by, userId, details: described(checked) })
        return updated
      },
      unpin: async userId => {
        const unpinned = await change(storage.unpinUser(userId, new Date()))
        if (unpinned) audit.record({ type: 'user.unpinned', ...by, userId })
        return unpinned
      },
      remove: async (userId, { keepsAdmin } = {}) => {
        const removed = await change(storage.removeUser(userId, new Date(), keepsAdmin))
        if (removed === true) audit.record({ type: 'user.removed', ...by, userId })
        return removed
      }
    },
    clients: {
      create: async metadata => {
        const client = await createClient(server, metadata, new Date())
        audit.record({ type: 'client.created', ...by, clientId: client.client_id, details: { name: client.client_name ?? null } })
        return client
      },
      find: async clientId => await storage.findClient(clientId),
      setActive: async (clientId, active) => {
        const found = await change(storage.setClientActive(clientId, active))
        if (found) audit.record({ type: 'client.changed', ...by, clientId, details: { active } })
        return found
      }
    },
    grants: {
      revoke: async grantId => {
        const revoked = await change(storage.revokeGrant(grantId, new Date()))
        if (revoked) audit.record({ type: 'grant.revoked', ...by, grantId })
        return revoked
      },
      revokeAll: async (userId, clientId) => {
        const revoked = await change(storage.revokeGrants(userId, clientId, new Date()))
        if (revoked > 0) audit.record({ type: 'grant.revoked', ...by, userId, clientId: clientId ?? null, details: { grants: revoked } })
        return revoked
      },
      revokeEvery: async onProgress => {
        let revoked = 0
        try {
          for (;;) {
            const more = await change(storage.revokeEveryGrant(revokedAtOnce, new Date()))
            if (more === 0) return revoked
            revoked += more
            onProgress?.(revoked)
          }
        } finally {
          if (revoked > 0) audit.record({ type: 'grant.revoked', ...by, details: { grants: revoked, everybody: true } })
        }
      }
    },
    keys: {
      list: async () => {
        await server.ready()
        return server.keys.list(new Date())
      },
      rotate: async () => {
        await server.ready()
        for (const keyId of await server.keys.rotate(new Date())) audit.record({ type: 'key.rotated', ...by, details: { keyId } })
      }
    }
  }
}
