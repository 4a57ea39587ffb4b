import { createClient, type ClientInformation } from './clients/registration.ts'
import { randomId } from './keys/secrets.ts'
import type { SigningKeyDescription } from './keys/server-keys.ts'
import type { ClientMetadata } from './oauth/client-metadata.ts'
import { normalizeEmail } from './oauth/email.ts'
import type { AuthorizationServer } from './server.ts'
import type { Client, User, UserChanges, UserRole } from './storage/records.ts'

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
   * @returns undefined where there is no such user; false where the new e-mail is taken
   * @throws {TypeError} where the new e-mail is not one plain address, or another change is none of `UserChanges`
   */
  update (userId: string, changes: UserChanges): Promise<User | false | undefined>
  /** Removes a row and revokes the user's grants. @returns whether there was one */
  remove (userId: string): Promise<boolean>
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

/** What `fastify.mcpOAuth` offers to administer. */
export function administration (server: AuthorizationServer): { users: Users, clients: Clients, grants: Grants, keys: Keys } {
  const { storage } = server

  async function change<T> (done: Promise<T>): Promise<T> {
    try {
      return await done
    } finally {
      server.forgetVerified()
    }
  }

  return {
    users: {
      add: async ({ email, name, role = 'user' }) => {
        const user = { id: randomId(), email: checkedEmail(email), name: name ?? null, role }
        return await change(storage.addUser(user, new Date())) ? user.id : undefined
      },
      list: async email => await storage.listUsers(email),
      update: async (userId, changes) => await change(storage.updateUser(userId, checkedChanges(changes), new Date())),
      remove: async userId => await change(storage.removeUser(userId, new Date()))
    },
    clients: {
      create: async metadata => await createClient(server, metadata, new Date()),
      find: async clientId => await storage.findClient(clientId),
      setActive: async (clientId, active) => await change(storage.setClientActive(clientId, active))
    },
    grants: {
      revoke: async grantId => await change(storage.revokeGrant(grantId, new Date()))
    },
    keys: {
      list: async () => {
        await server.ready()
        return server.keys.list(new Date())
      },
      rotate: async () => {
        await server.ready()
        await server.keys.rotate(new Date())
      }
    }
  }
}
