import t from 'tap'
import { judgeRotation, type RotationVerdict } from '../../lib/oauth/rotation.ts'

const used = new Date('2026-01-01T00:00:00Z')

function after (milliseconds: number): Date {
  return new Date(used.getTime() + milliseconds)
}

const cases: Record<string, [consumedAt: Date | null, successorConsumedAt: Date | null, now: Date, verdict: RotationVerdict]> = {
  'one millisecond after 30 s a replay ends the grant': [used, null, after(30_001), 'reused'],
  'after 30 s a replay ends the grant, whether its successor was used or not': [used, after(1), after(30_001), 'reused'],
  'once its successor was used it is refused': [used, after(1), after(1), 'superseded'],
  'once its successor was used it is refused until 30 s to the millisecond': [used, after(1), after(30_000), 'superseded'],
  'at once it gets the same successor': [used, null, used, 'repeat'],
  'until 30 s to the millisecond it gets the same successor': [used, null, after(30_000), 'repeat'],
  'a clock that is behind another machine\'s shortens nothing': [used, null, after(-5_000), 'repeat'],
  'one that was never used rotates': [null, null, after(0), 'rotate'],
  'one that was never used rotates however late': [null, null, after(86_400_000), 'rotate']
}

for (const [rule, [consumedAt, successorConsumedAt, now, verdict]] of Object.entries(cases)) {
  t.test(`TK-04, T17: ${rule}`, async t => {
    t.equal(judgeRotation(consumedAt, successorConsumedAt, now), verdict)
  })
}
