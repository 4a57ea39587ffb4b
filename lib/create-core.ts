import { createAudit } from './audit/audit.ts'
import type { AuditLog } from './audit/sink.ts'
import { randomId } from './keys/secrets.ts'
import { ServerKeys } from './keys/server-keys.ts'
import type { CoreOptions, ServerCore } from './server.ts'
import type { Changes } from './storage/changes.ts'

async function prepare ({ storage, firstAdmin }: CoreOptions, keys: ServerKeys): Promise<void> {
  await storage.prepare()
  await keys.prepare(new Date())
  if (firstAdmin !== undefined) await storage.addFirstAdmin({ id: randomId(), ...firstAdmin, role: 'admin' }, new Date())
}

/** Puts together what administers. It loads neither Fastify nor the pages, and reaches no network but the storage's. */
export function createCore<Options extends CoreOptions> (
  options: Options, forget: (changes: Changes) => void, log: AuditLog
): ServerCore & { readonly options: Options } {
  const keys: ServerKeys = new ServerKeys({
    ...options,
    onRetired: keyId => { audit.record({ type: 'key.rotated', actor: { type: 'server' }, details: { keyId } }) },
    onFailure: error => { log.error({ err: error }, 'the signing keys could not be refreshed; those that are known stay') }
  })
  const audit = createAudit(options.audit, options.storage, keys.audit, log)
  let preparation: Promise<void> | undefined
  return {
    options,
    keys,
    storage: options.storage,
    audit,
    ready: async () => {
      preparation ??= prepare(options, keys).catch((error: unknown) => {
        preparation = undefined
        throw error
      })
      await preparation
      await keys.refresh(new Date())
    },
    forget
  }
}
