import type { Around } from '../meter.ts'
import type { ResolvedOptions } from '../resolved-options.ts'
import type { IdentityProvider } from '../providers/types.ts'
import type { OAuthStorage } from '../storage/types.ts'
import { providerSteps, type Instruments } from './instruments.ts'

/**
 * The same object, with its methods measured by their names: one that is added later needs nothing here.
 *
 * @param aroundOf undefined for a method that is left as it is
 */
function observed<T extends object> (original: T, aroundOf: (method: string) => Around | undefined): T {
  const known = new Map<string | symbol, unknown>()

  function methodOf (name: string | symbol, value: Function): unknown {
    const bound = (...parameters: unknown[]) => Reflect.apply(value, original, parameters)
    const around = aroundOf(String(name))
    return around === undefined ? bound : (...parameters: unknown[]) => around(async () => await bound(...parameters))
  }

  // Not around the original itself: it may be frozen, and then a proxy may show no other methods than its own.
  return new Proxy<T>(Object.create(original), {
    get (_, name) {
      const value: unknown = Reflect.get(original, name)
      if (typeof value !== 'function') return value
      const method = known.get(name) ?? methodOf(name, value)
      known.set(name, method)
      return method
    }
  })
}

function observedStorage (storage: OAuthStorage, instruments: Instruments): OAuthStorage {
  return observed(storage, operation => instruments.storage(operation))
}

function observedProvider (provider: IdentityProvider, instruments: Instruments): IdentityProvider {
  return observed(provider, method => {
    const step = providerSteps.find(step => step === method)
    return step && instruments.provider(provider.id, step)
  })
}

/** The options with a storage and providers that are measured. */
export function observedOptions (options: ResolvedOptions, instruments: Instruments): ResolvedOptions {
  const providers = [...options.providers].map(([id, provider]): [string, IdentityProvider] => [id, observedProvider(provider, instruments)])
  return Object.freeze({
    ...options,
    storage: observedStorage(options.storage, instruments),
    providers: new Map(providers)
  })
}
