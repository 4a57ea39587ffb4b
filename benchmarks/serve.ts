import { contenders } from './servers.ts'

/** The child process: one server, and how much processor time it has taken so far. */

const start = contenders.get(process.argv[2] ?? '')
if (start === undefined || process.send === undefined) throw new Error('started by benchmarks/guard.ts')

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ processorTime: user + system })
})
process.on('disconnect', () => { process.exit() })
process.send(await start())
