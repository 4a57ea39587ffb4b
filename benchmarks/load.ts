import { Pool } from 'undici'
import type { LoadRequest } from './contender.ts'

/** What a server did in one turn. */
export interface Sample {
  requests: number
  seconds: number
  processorTime: ProcessorTime
}

/** In microseconds. */
export interface ProcessorTime {
  /** Of the process that the servers stand in. */
  server: number
  /** Of all of PostgreSQL's. NaN where the system does not tell. */
  database: number
}

/**
 * Sends each request once, so many at a time, over connections that stay open.
 *
 * @returns how long that took, in seconds, and what came back
 * @throws where one is not answered with success
 */
export async function send (url: string, requests: readonly LoadRequest[], connections: number): Promise<{ seconds: number, bodies: string[] }> {
  const pool = new Pool(url, { connections, pipelining: 1 })
  const bodies: string[] = []
  const work = requests.entries()
  const began = performance.now()
  await Promise.all(Array.from({ length: connections }, async () => {
    for (const [index, request] of work) {
      const { statusCode, body } = await pool.request({ ...request, body: request.body ?? null })
      const text = await body.text()
      if (statusCode >= 300) throw new Error(`${url}${request.path}: ${statusCode} ${text}`)
      bodies[index] = text
    }
  }))
  const seconds = (performance.now() - began) / 1000
  await pool.close()
  return { seconds, bodies }
}
