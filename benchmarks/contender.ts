/** One request of a load, ready to be sent. */
export interface LoadRequest {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
}

/** A server that listens, and what can be asked of it. It lives in the child process. */
export interface Contender {
  url: string
  /** So many requests that it lets through, none of which was sent before. */
  prepare (count: number, kind: string): Promise<LoadRequest[]>
  /** How many statements it has sent to its database so far. */
  statements? (): number
}

export type Contenders = ReadonlyMap<string, () => Promise<Contender>>

export function bearer (token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}
