import { auditCases } from './contract/audit.ts'
import { clientCases } from './contract/clients.ts'
import type { StorageCase } from './contract/fixtures.ts'
import { grantCases } from './contract/grants.ts'
import { housekeepingCases } from './contract/housekeeping.ts'
import { registrationCases } from './contract/registrations.ts'
import { sessionCases } from './contract/sessions.ts'
import { signInCases } from './contract/sign-in.ts'
import { signingKeyCases } from './contract/signing-keys.ts'
import { tokenCases } from './contract/tokens.ts'
import { transactionCases } from './contract/transactions.ts'
import { userCases } from './contract/users.ts'

export type { StorageCase }

/**
 * What every `OAuthStorage` must hold to, as cases for whatever test runner you have. Each wants a fresh, empty storage that is
 * ready for use. Run them on what your users run on: a race that a driver in memory can't lose, a database can.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { storageContract } from 'fastify-mcp-oauth/testing'
 *
 * for (const { name, run } of storageContract) test(name, async () => run(await createEmptyStorage()))
 * ```
 */
export const storageContract: readonly StorageCase[] = [
  ...userCases, ...signInCases, ...clientCases, ...registrationCases, ...transactionCases, ...sessionCases, ...grantCases, ...tokenCases,
  ...signingKeyCases, ...housekeepingCases, ...auditCases
]
