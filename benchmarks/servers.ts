import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LoadRequest } from './contender.ts'
import type { DatabaseServer } from './database.ts'
import type { ProcessorTime } from './load.ts'
import type { Question } from './serve.ts'

/** A contender, from the outside. */
export interface Server {
  name: string
  url: string
  prepare (count: number, kind?: string): Promise<LoadRequest[]>
  statements (): Promise<number>
}

export interface Servers {
  servers: Server[]
  processorTime (): Promise<ProcessorTime>
  stop (): void
}

/**
 * Starts the contenders of a module in one child process: two processes of the same program differ by more than what is measured here.
 *
 * @param database the PostgreSQL that they share
 * @param env what they find in their environment besides
 */
export async function startServers (module: URL, database: DatabaseServer, env: NodeJS.ProcessEnv): Promise<Servers> {
  const child = fork(new URL('serve.ts', import.meta.url), [fileURLToPath(module)], { env: { ...process.env, ...env } })
  const listen = async () => {
    const [{ result, error }] = await once(child, 'message') as [{ result?: unknown, error?: string }]
    if (error !== undefined) throw new Error(error)
    return result
  }
  const ask = async (question: Pick<Question, 'ask'> & Partial<Question>) => {
    child.send(question)
    return await listen()
  }
  const known = await listen() as string[]
  const servers: Server[] = []
  for (const name of known) {
    servers.push({
      name,
      url: await ask({ ask: 'start', name }) as string,
      prepare: async (count, kind = '') => await ask({ ask: 'prepare', name, count, kind }) as LoadRequest[],
      statements: async () => await ask({ ask: 'statements', name }) as number
    })
  }
  return { servers, processorTime: async () => ({ server: await ask({ ask: 'processor time' }) as number, database: database.processorTime() }), stop: () => { child.disconnect() } }
}
