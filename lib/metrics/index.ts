import { noMeter, type Meter } from '../meter.ts'
import type { ResolvedOptions } from '../resolved-options.ts'
import type { Living } from '../storage/records.ts'
import { auditMetrics, type AuditCounts } from './audit.ts'
import type { MetricsRegistry } from './check-option.ts'
import { nest } from './instruments.ts'
import { livingCount } from './living.ts'
import { observedOptions } from './observed.ts'
import { createPrometheus, type Prometheus } from './prometheus.ts'
import { loadPrometheus, register, type Library } from './registry.ts'
import { createSpans } from './spans.ts'

/** What was measured, in the format that Prometheus reads. */
export interface Metrics {
  /** The content type of `text()`. */
  readonly contentType: string
  /** Everything in the registry: where it is the app's, the app's own metrics too. */
  text (): Promise<string>
}

/** What measures, and what is measured. */
export interface Measurement {
  /** The options, with a storage and providers that are measured. */
  readonly options: ResolvedOptions
  readonly meter: Meter
  /** Undefined where the option is off. */
  readonly metrics: Metrics | undefined
  /** Shows the audit trail's numbers too. */
  watchAudit (counts: () => AuditCounts): void
  close (): void
}

interface Log { error (object: object, message: string): void, warn (object: object, message: string): void }

async function prometheusOf (
  { metrics, providers }: ResolvedOptions, count: () => Promise<Living>, log: Log
): Promise<Prometheus & { registry: MetricsRegistry, library: Library } | undefined> {
  if (metrics === undefined) return undefined
  const library = await loadPrometheus()
  const registry = metrics.registry ?? new library.Registry()
  const living = livingCount(count, error => {
    log.error({ err: error }, 'what lives could not be counted; the metrics leave it out for a minute')
  })
  return { ...createPrometheus(library, registry, providers.keys(), living), registry, library }
}

/** Measures what the option `metrics` and the app's OpenTelemetry ask for. Where neither does, nothing is loaded and nothing is wrapped. */
export async function measure (options: ResolvedOptions, log: Log): Promise<Measurement> {
  let measured = options
  const prometheus = await prometheusOf(options, async () => await measured.storage.countLiving(new Date()), log)
  const spans = await createSpans(log)
  const [first, second] = [spans, prometheus?.instruments].filter(instruments => instruments !== undefined)
  if (first === undefined) return { options, meter: noMeter, metrics: undefined, watchAudit () {}, close () {} }
  const instruments = second === undefined ? first : nest(first, second)
  measured = observedOptions(options, instruments)
  let closeAudit: (() => void) | undefined
  return {
    options: measured,
    meter: { ...noMeter, ...prometheus?.meter, validation: instruments.validation },
    metrics: prometheus && Object.freeze({
      get contentType () { return prometheus.registry.contentType },
      text: async () => await prometheus.registry.metrics()
    }),
    watchAudit (counts) {
      if (prometheus !== undefined) closeAudit = register(prometheus.registry, auditMetrics(prometheus.library, counts))
    },
    close () {
      prometheus?.close()
      closeAudit?.()
    }
  }
}
