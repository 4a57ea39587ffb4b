import type { Around, Meter, RefusalReason, SignInOutcome } from '../meter.ts'
import type { Living } from '../storage/records.ts'
import type { MetricsRegistry } from './check-option.ts'
import { outcomeOf, providerSteps, type Instruments, type Outcome } from './instruments.ts'
import { register, type Library } from './registry.ts'

/** In seconds. */
const localBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
/** In seconds; each answer of a provider may take five. */
const providerBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** All of them: what the compiler finds missing here would have no name. */
const signInOutcomes = Object.keys({
  admitted: true,
  'not-listed': true,
  ambiguous: true,
  suspended: true,
  'other-provider': true,
  'other-identity': true,
  'no-email': true,
  unverified: true,
  'other-domain': true,
  'not-admin': true,
  'not-completed': true,
  'not-recent': true,
  'provider-unavailable': true,
  'provider-refused': true,
  'provider-untrusted': true
} satisfies Record<SignInOutcome, true>)

const refusalReasons = Object.keys({
  'no-token': true,
  'unknown-token': true,
  'expired-token': true,
  'revoked-token': true,
  'other-resource': true,
  'grant-revoked': true,
  'grant-expired': true,
  'client-deactivated': true,
  'not-listed': true,
  renamed: true,
  suspended: true,
  ambiguous: true,
  scope: true,
  role: true,
  origin: true,
  'malformed-call': true,
  unavailable: true,
  failed: true
} satisfies Record<RefusalReason, true>)

/** Counts, and measures. */
export interface Prometheus {
  readonly meter: Omit<Meter, 'validation'>
  readonly instruments: Instruments
  /** Takes the metrics out of the registry. */
  close (): void
}

function timed (observe: (seconds: number, outcome: Outcome) => void): Around {
  return async call => {
    const start = performance.now()
    const end = (outcome: Outcome) => { observe((performance.now() - start) / 1000, outcome) }
    try {
      const answer = await call()
      end('ok')
      return answer
    } catch (error) {
      end(outcomeOf(error))
      throw error
    }
  }
}

/**
 * Makes the metrics. Those whose labels are known have all of their series from the start: what never happened is 0, not absent, so that a
 * first time is an increase.
 *
 * @param providers their ids
 * @param living what lives, as often as somebody asks
 */
export function createPrometheus (
  { Counter, Gauge, Histogram }: Library, registry: MetricsRegistry, providers: Iterable<string>, living: () => Promise<Living | undefined>
): Prometheus {
  // Into the registry of whoever asked, not into prom-client's own.
  const registers: [] = []
  let known = 0

  const requests = new Counter({
    name: 'oauth_requests_total', help: 'Requests to the endpoints that were answered', labelNames: ['endpoint', 'status'], registers
  })
  const signIns = new Counter({
    name: 'oauth_sign_ins_total', help: 'Sign-ins at providers by how they ended', labelNames: ['provider', 'outcome'], registers
  })
  const replays = new Counter({
    name: 'oauth_replays_total', help: 'Codes and refresh tokens that came again, whose grant was revoked', labelNames: ['kind'], registers
  })
  const refusals = new Counter({
    name: 'oauth_refusals_total', help: 'Requests to protected routes that were turned away', labelNames: ['reason'], registers
  })
  const lookUps = new Counter({
    name: 'oauth_token_cache_total',
    help: 'Tokens that were known from a moment ago (hit), or had to be looked at (miss)',
    labelNames: ['result'],
    registers,
    // Poured in here only: a request that brings a known token pays for an addition, and for nothing else.
    collect () {
      this.inc({ result: 'hit' }, known)
      known = 0
    }
  })
  const validations = new Histogram({
    name: 'token_validation_duration_seconds', help: 'How long it took to look at a token that was not known from a moment ago', buckets: localBuckets, registers
  })
  const upstream = new Histogram({
    name: 'oauth_provider_duration_seconds',
    help: 'How long a provider took for a step of a sign-in',
    labelNames: ['provider', 'step', 'outcome'],
    buckets: providerBuckets,
    registers
  })
  const storage = new Histogram({
    name: 'oauth_storage_duration_seconds', help: 'How long the storage took', labelNames: ['operation'], buckets: localBuckets, registers
  })
  const storageErrors = new Counter({
    name: 'oauth_storage_errors_total', help: 'What the storage did not do', labelNames: ['operation', 'kind'], registers
  })
  const grants = new Gauge({
    name: 'oauth_grants_alive',
    help: 'Grants that are neither revoked nor expired, counted once a minute; absent where the storage does not tell',
    registers,
    async collect () {
      const count = await living()
      if (count === undefined) this.remove()
      else this.set(count.grants)
    }
  })
  const clients = new Gauge({
    name: 'oauth_clients_alive',
    help: 'Clients that are not deactivated, counted once a minute; absent where the storage does not tell',
    registers,
    async collect () {
      const count = await living()
      if (count === undefined) this.remove()
      else this.set(count.clients)
    }
  })

  for (const provider of providers) {
    for (const outcome of signInOutcomes) signIns.inc({ provider, outcome }, 0)
    for (const step of providerSteps) upstream.zero({ provider, step, outcome: 'ok' })
  }
  for (const reason of refusalReasons) refusals.inc({ reason }, 0)
  for (const kind of ['code', 'refresh-token']) replays.inc({ kind }, 0)
  lookUps.inc({ result: 'miss' }, 0)

  return {
    meter: {
      request (endpoint, status) { requests.inc({ endpoint, status }) },
      signIn (provider, outcome) { signIns.inc({ provider, outcome }) },
      replay (kind) { replays.inc({ kind }) },
      refusal (reason) { refusals.inc({ reason }) },
      knownToken () { known++ }
    },
    instruments: {
      storage (operation) {
        for (const kind of ['unavailable', 'failed']) storageErrors.inc({ operation, kind }, 0)
        return timed((seconds, outcome) => {
          storage.observe({ operation }, seconds)
          if (outcome !== 'ok') storageErrors.inc({ operation, kind: outcome === 'unavailable' ? outcome : 'failed' })
        })
      },
      provider: (provider, step) => timed((seconds, outcome) => { upstream.observe({ provider, step, outcome }, seconds) }),
      validation: timed(seconds => {
        validations.observe(seconds)
        lookUps.inc({ result: 'miss' })
      })
    },
    close: register(registry, [requests, signIns, replays, refusals, lookUps, validations, upstream, storage, storageErrors, grants, clients])
  }
}
