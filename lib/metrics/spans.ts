import type * as OpenTelemetry from '@opentelemetry/api'
import { OAuthError } from '../errors.ts'
import type { Around } from '../meter.ts'
import { outcomeOf, type Instruments } from './instruments.ts'

type Api = Pick<typeof OpenTelemetry, 'SpanKind' | 'SpanStatusCode' | 'trace'>

/** Where every copy of @opentelemetry/api 1.x keeps what the app has set up. */
const key = Symbol.for('opentelemetry.js.api.1')

/** Whether the app has set up a tracer provider. To know that, nothing is loaded. */
function isTraced (): boolean {
  return Object(Reflect.get(globalThis, key)).trace !== undefined
}

function instrumentsOf ({ SpanKind, SpanStatusCode, trace }: Api): Instruments {
  const tracer = trace.getTracer('fastify-mcp-oauth')

  const spanned = (name: string, kind: OpenTelemetry.SpanKind, attributes: OpenTelemetry.Attributes): Around => call =>
    tracer.startActiveSpan(name, { kind, attributes }, async span => {
      try {
        const answer = await call()
        span.end()
        return answer
      } catch (error) {
        span.setAttribute('error.type', outcomeOf(error))
        // A token that does not count is the client's fault, and no failure of ours.
        if (!(error instanceof OAuthError)) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
        throw error
      }
    })

  return {
    storage: operation => spanned(`oauth storage ${operation}`, SpanKind.CLIENT, { 'oauth.storage.operation': operation }),
    provider: (provider, step) => spanned(`oauth provider ${step}`, SpanKind.CLIENT, { 'oauth.provider': provider, 'oauth.provider.step': step }),
    validation: spanned('oauth validate token', SpanKind.INTERNAL, {})
  }
}

/**
 * Makes spans of what is waited for, below the span that is active. They hold names and outcomes: of what was thrown, nothing else, since its
 * message may have more in it than a trace may keep.
 *
 * @returns undefined where the app has not set up OpenTelemetry: then nothing is loaded
 */
export async function createSpans (
  log: { warn (object: object, message: string): void }, load: () => Promise<Api> = () => import('@opentelemetry/api')
): Promise<Instruments | undefined> {
  if (!isTraced()) return undefined
  try {
    return instrumentsOf(await load())
  } catch (error) {
    log.warn({ err: error }, 'OpenTelemetry is set up, but @opentelemetry/api can not be loaded from here: there will be no spans')
    return undefined
  }
}
