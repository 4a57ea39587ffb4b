import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Result } from '../report.ts'
import type { Settings } from '../settings.ts'

/** What the guard keeps of a million distinct tokens. */
export async function measureMemory ({ tokens }: Settings): Promise<Result> {
  const child = fork(new URL('serve.ts', import.meta.url), [String(tokens)], { execArgv: [...process.execArgv, '--expose-gc'] })
  const [{ start, end }] = await once(child, 'message') as [{ start: number, end: number }]
  const megabytes = (bytes: number) => Number((bytes / 1e6).toFixed(1))
  return {
    title: `memory, ${tokens} distinct tokens through the guard`,
    rows: { heap: { 'before, MB': megabytes(start), 'after, MB': megabytes(end), 'more, MB': megabytes(end - start) } },
    targets: [{ what: `heap after ${tokens} distinct tokens, MB above the start`, reached: megabytes(end - start), atMost: 48 }]
  }
}
