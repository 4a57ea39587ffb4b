import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { secret } from '../fixtures/world.ts'

// Three processes that compile TypeScript, on a machine that has other things to do.
t.setTimeout(120_000)

const server = fileURLToPath(new URL('../fixtures/server-from-env.ts', import.meta.url))
const env = {
  OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: secret, OAUTH_PROVIDER: 'google', OAUTH_CLIENT_ID: 'id', OAUTH_CLIENT_SECRET: 'secret', PORT: '0', LOG_LEVEL: 'silent'
}

/** Runs it in a process of its own, with nothing in its environment but what is given. */
async function start (given: NodeJS.ProcessEnv, ...args: string[]) {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), server, ...args], {
    // Without tap's coverage: tsx compiles lib in another way than tap does, and the lines of the two do not add up.
    env: { ...given, _TAPJS_PROCESSINFO_COVERAGE_: '0' },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}

const mistakes: Record<string, { given: NodeJS.ProcessEnv, args: string[], says: RegExp }> = {
  'I10: a placeholder for a secret': {
    given: { ...env, JWT_SECRET: 'generate-a-secure-random-string-at-least-32-chars' },
    args: [],
    says: /^InvalidOptionError: secret \(JWT_SECRET\): is a placeholder or too easy to guess; make one with: openssl rand -base64 32$/m
  },
  'W6: a protected route that does not exist': {
    given: env,
    args: ['no-route'],
    says: /^InvalidOptionError: protect: .*\/mcp/m
  }
}

for (const [what, { given, args, says }] of Object.entries(mistakes)) {
  t.test(`${what} ends the process with exit code 1 and one sentence`, async t => {
    const { code, stdout, stderr } = await start(given, ...args)
    t.equal(code, 1)
    t.equal(stdout, '', 'it never listened')
    t.match(stderr, says)
    t.equal(stderr.match(/InvalidOptionError: /g)?.length, 1)
  })
}

t.test('a good environment starts', async t => {
  const { code, stdout, stderr } = await start(env)
  t.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/)
  t.equal(stderr, '')
  t.equal(code, 0)
})
