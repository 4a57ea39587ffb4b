import type { ColumnType } from 'kysely'
import type { AuditActorType, AuditEventType, AuditOutcome } from '../../audit/event.ts'

/** A `bigint`: pg reads it as a string, PGlite as a number. */
type BigInteger<Inserted = number> = ColumnType<string | number, Inserted, number>
type Timestamp = ColumnType<Date | string, Date, Date>

/** Written by one INSERT from JSON, and never changed. */
export interface AuditEventTable {
  writer: string
  sequence: BigInteger
  type: AuditEventType
  at: Timestamp
  actor_type: AuditActorType
  actor_id: string | null
  actor_email: string | null
  user_id: string | null
  client_id: string | null
  grant_id: string | null
  token_id: string | null
  outcome: AuditOutcome
  reason: string | null
  request_id: string | null
  address: string | null
  user_agent: string | null
  details: ColumnType<unknown, string, never>
}

export interface AuditSealTable {
  writer: string
  first_sequence: BigInteger
  last_sequence: BigInteger
  sealed_at: Timestamp
  key_id: string
  previous_mac: string
  digest: string
  mac: string
}

export interface AuditChainTable {
  writer: string
  head_sequence: BigInteger
  head_mac: string
  head_key_id: string
  head_signature: string
  head_sealed_at: Timestamp
  checkpoint_sequence: ColumnType<string | number | null, number | undefined, number>
  checkpoint_mac: ColumnType<string | null, string | undefined, string>
  checkpoint_key_id: ColumnType<string | null, string | undefined, string>
  checkpoint_signature: ColumnType<string | null, string | undefined, string>
}
