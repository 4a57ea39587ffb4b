import { contenders } from './servers.ts'

/** The child process: all servers, each at its own port, and how much processor time they have taken so far. */

if (process.send === undefined) throw new Error('started by benchmarks/guard.ts')

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ processorTime: user + system })
})
process.on('disconnect', () => { process.exit() })
const running = []
for (const [name, start] of contenders) running.push({ name, ...await start() })
process.send(running)
