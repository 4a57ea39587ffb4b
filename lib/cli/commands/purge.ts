import { purge, purgeKinds, type PurgeCounts } from '../../housekeeping.ts'
import { confirm } from '../confirm.ts'
import { operator, type Context } from '../context.ts'
import { yesOption } from '../options.ts'
import { Progress } from '../progress.ts'
import type { CommandGroup } from '../program.ts'
import { RefusedError } from '../terminal.ts'

/** Removes what has had its time, and tells how far it is. */
export async function tidy (context: Context, options: { kinds?: ReadonlyArray<keyof PurgeCounts>, unusedFor?: number } = {}): Promise<PurgeCounts> {
  const server = await context.server()
  const progress = new Progress(context.terminal)
  const onBatch = (counts: PurgeCounts) => { progress.tell(`removed: ${phrase(counts)}`) }
  const counts = await purge(server, { now: new Date(), by: operator, ...options, onBatch }).finally(() => { progress.end() })
  if (counts === undefined) throw new RefusedError('another process is at it already; look again in a minute')
  return counts
}

export function phrase (counts: PurgeCounts): string {
  return purgeKinds.filter(kind => counts[kind] > 0).map(kind => `${kind} ${counts[kind]}`).join(', ') || 'nothing'
}

export const purgeCommand: CommandGroup = (program, action) => {
  program.command('purge')
    .description('Remove now what the server removes by itself, ten minutes later at most: tokens, codes, grants, sign-ins and sessions whose time was over a day ago, and clients that nobody used for a week.')
    .addOption(yesOption())
    .addHelpText('after', '\nExample, for a job that runs by itself:\n  $ npx fastify-mcp-oauth purge --yes')
    .action(action(async (context, { yes = false }: { yes?: boolean }) => {
      await confirm(context.terminal, 'Remove what has had its time', yes)
      const counts = await tidy(context)
      context.answer(counts, `Removed: ${phrase(counts)}.\n`)
    }))
}
