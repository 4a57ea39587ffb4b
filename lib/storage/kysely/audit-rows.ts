import type { Selectable } from 'kysely'
import type { AuditDetail } from '../../audit/event.ts'
import type { AuditChain, AuditRecord, AuditSeal } from '../audit.ts'
import type { AuditChainTable, AuditEventTable, AuditSealTable } from './audit-tables.ts'

/** In the order of their names, which `jsonb` does not keep. Nothing is mended: what was changed by hand has to be seen. */
function toDetails (value: unknown): Record<string, AuditDetail> {
  return Object.fromEntries(Object.entries<AuditDetail>(Object(value)).sort(([one], [other]) => one < other ? -1 : 1))
}

export function toAuditRecord (row: Selectable<AuditEventTable>): AuditRecord {
  return {
    writer: row.writer,
    sequence: Number(row.sequence),
    type: row.type,
    at: new Date(row.at),
    actor: { type: row.actor_type, id: row.actor_id, email: row.actor_email },
    userId: row.user_id,
    clientId: row.client_id,
    grantId: row.grant_id,
    tokenId: row.token_id,
    outcome: row.outcome,
    reason: row.reason,
    requestId: row.request_id,
    address: row.address,
    userAgent: row.user_agent,
    details: toDetails(row.details)
  }
}

export function toAuditSeal (row: Selectable<AuditSealTable>): AuditSeal {
  return {
    writer: row.writer,
    first: Number(row.first_sequence),
    last: Number(row.last_sequence),
    sealedAt: new Date(row.sealed_at),
    keyId: row.key_id,
    previous: row.previous_mac,
    digest: row.digest,
    mac: row.mac
  }
}

export function toAuditChain (writer: string, row: Selectable<AuditChainTable> | undefined): AuditChain {
  if (row === undefined) return { writer, head: undefined, checkpoint: undefined }
  return {
    writer,
    head: {
      writer,
      sequence: Number(row.head_sequence),
      mac: row.head_mac,
      keyId: row.head_key_id,
      signature: row.head_signature,
      sealedAt: new Date(row.head_sealed_at)
    },
    checkpoint: row.checkpoint_sequence === null
      ? undefined
      : {
          writer,
          sequence: Number(row.checkpoint_sequence),
          mac: String(row.checkpoint_mac),
          keyId: String(row.checkpoint_key_id),
          signature: String(row.checkpoint_signature)
        }
  }
}
