import { bounded } from '../audit/bounds.ts'

/** What is told of a body, as far as it is JSON-RPC: names, and never what they are called with. */
export interface RpcSummary {
  /** Each once, the first few. */
  readonly methods: readonly string[]
  /** Each once. */
  readonly tools: readonly string[]
}

const maxMethods = 5
const maxName = 100
const nothing: RpcSummary = { methods: [], tools: [] }

function nameOf (value: unknown): string | undefined {
  return typeof value === 'string' ? bounded(value, maxName) : undefined
}

function methodOf (message: unknown): string | undefined {
  return typeof message === 'object' && message !== null && 'method' in message ? nameOf(message.method) : undefined
}

function toolOf (message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null || !('params' in message)) return undefined
  const { params } = message
  return typeof params === 'object' && params !== null && 'name' in params ? nameOf(params.name) : undefined
}

function summaryOf (messages: readonly unknown[]): RpcSummary {
  const methods = new Set<string>()
  const tools = new Set<string>()
  for (const message of messages) {
    const method = methodOf(message)
    if (method === undefined) continue
    if (methods.size < maxMethods) methods.add(method)
    const tool = method === 'tools/call' ? toolOf(message) : undefined
    if (tool !== undefined) tools.add(tool)
  }
  return { methods: [...methods], tools: [...tools] }
}

/** The methods and tools that a parsed body names. */
export function rpcMessages (body: unknown): RpcSummary {
  if (Array.isArray(body)) return summaryOf(body)
  // One message is what nearly all requests bring.
  const method = methodOf(body)
  if (method === undefined) return nothing
  const tool = method === 'tools/call' ? toolOf(body) : undefined
  return { methods: [method], tools: tool === undefined ? [] : [tool] }
}
