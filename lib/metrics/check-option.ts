import { refuseUnknown } from '../check-members.ts'
import { InvalidOptionError } from '../errors.ts'

/** As much of a registry of prom-client as is used here. */
export interface MetricsRegistry {
  /** Of what it answers to a scrape. */
  readonly contentType: string
  metrics (): Promise<string>
  registerMetric (metric: object): void
  getSingleMetric (name: string): unknown
  removeSingleMetric (name: string): void
}

/** Where what is measured goes. */
export interface MetricsOptions {
  /**
   * Your own registry, such as prom-client's `register`: then one scrape has your metrics and these.
   *
   * @default one that holds nothing else; `app.mcpOAuth.metrics` answers from it
   */
  registry?: MetricsRegistry
}

function isRegistry (value: unknown): value is MetricsRegistry {
  const { registerMetric, removeSingleMetric }: Record<string, unknown> = Object(value)
  return typeof registerMetric === 'function' && typeof removeSingleMetric === 'function'
}

/**
 * What is asked of metrics; undefined where nothing is measured.
 *
 * @throws {InvalidOptionError} which says what to do.
 */
export function checkMetrics (metrics: unknown): MetricsOptions | undefined {
  if (metrics === false) return undefined
  if (metrics === true) return Object.freeze({})
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) {
    throw new InvalidOptionError('metrics', 'must be true, false, or an object such as { registry }')
  }
  refuseUnknown('metrics.', metrics, new Set(['registry']))
  const { registry }: { registry?: unknown } = metrics
  if (registry === undefined) return Object.freeze({})
  if (!isRegistry(registry)) throw new InvalidOptionError('metrics.registry', 'must be a registry of prom-client, such as its register')
  return Object.freeze({ registry })
}
