import type * as PromClient from 'prom-client'
import { InvalidOptionError } from '../errors.ts'
import type { MetricsRegistry } from './check-option.ts'

export type Library = Pick<typeof PromClient, 'Counter' | 'Gauge' | 'Histogram' | 'Registry'>

/** Nothing of it is loaded before somebody wants metrics. @throws {InvalidOptionError} where it is not installed. */
export async function loadPrometheus (load: () => Promise<Library> = () => import('prom-client')): Promise<Library> {
  return await load().catch((error: unknown) => {
    throw new InvalidOptionError('metrics', 'needs the package prom-client; install it', { cause: error })
  })
}

/**
 * Puts metrics into a registry.
 *
 * @returns what takes them out again: an app's registry outlives the app
 * @throws {InvalidOptionError} where it has one of them already.
 */
export function register (registry: MetricsRegistry, metrics: readonly object[]): () => void {
  // Not in prom-client's types. Remembered: an OpenMetrics registry gives counters other ones.
  const names = metrics.map(metric => String(Object(metric).name))
  const taken = names.find(name => registry.getSingleMetric(name) !== undefined)
  if (taken !== undefined) throw new InvalidOptionError('metrics.registry', `has a metric ${taken} already; give each app a registry of its own`)
  for (const metric of metrics) registry.registerMetric(metric)
  return () => { for (const name of names) registry.removeSingleMetric(name) }
}
