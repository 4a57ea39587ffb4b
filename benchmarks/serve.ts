import type { Contender, Contenders } from './contender.ts'

/** The child process: the servers of one module, each at its own port, and what the parent asks about them. */

export interface Question {
  ask: 'start' | 'prepare' | 'statements' | 'processor time'
  name: string
  count: number
  kind: string
}

const [modulePath = ''] = process.argv.slice(2)
const { contenders } = await import(modulePath) as { contenders: Contenders }
const running = new Map<string, Contender>()

async function start (name: string): Promise<Contender> {
  const begin = contenders.get(name)
  if (begin === undefined) throw new Error(`there is no contender ${name}`)
  const contender = await begin()
  running.set(name, contender)
  return contender
}

function processorTime (): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

async function answer ({ ask, name, count, kind }: Question): Promise<unknown> {
  if (ask === 'start') return (await start(name)).url
  const contender = running.get(name)
  if (ask === 'prepare') return await contender?.prepare(count, kind)
  return ask === 'statements' ? contender?.statements?.() : processorTime()
}

process.on('message', (question: Question) => {
  answer(question).then(
    result => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) })
  )
})
process.on('disconnect', () => { process.exit() })
process.send?.({ result: [...contenders.keys()] })
