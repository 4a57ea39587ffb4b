import { InvalidArgumentError, Option } from 'commander'
import { read } from '../../env-values.ts'
import { isOrigin } from '../../oauth/origin.ts'
import { displayText } from '../../oauth/text.ts'
import { accessChecks, inspectorOrigin } from '../doctor/access.ts'
import { configurationChecks } from '../doctor/configuration.ts'
import { databaseChecks } from '../doctor/database.ts'
import { examine } from '../doctor/examine.ts'
import type { Finding, Status } from '../doctor/finding.ts'
import { providerChecks } from '../doctor/provider.ts'
import { findFront, findResource, findSite, serverChecks } from '../doctor/server.ts'
import { table, type Columns } from '../output.ts'
import type { CommandGroup } from '../program.ts'
import { MisuseError, RefusedError } from '../terminal.ts'

const columns: Columns<Finding> = [
  ['STATUS', ({ status }) => status],
  ['CHECK', ({ check }) => check],
  ['FINDING', ({ message }) => message]
]

const statuses: readonly Status[] = ['ok', 'warning', 'problem', 'skipped']

function count (findings: readonly Finding[], status: Status): number {
  return findings.filter(finding => finding.status === status).length
}

/** The findings, what to do about each that is wrong, and how many there are of each kind. */
function report (findings: readonly Finding[]): string {
  const advised = findings.flatMap(({ check, advice }) => advice === undefined ? [] : [{ check, advice }])
  const advice = advised.length === 0 ? '' : `\nWhat to do:\n${advised.map(({ check, advice }) => `- ${check}: ${displayText(advice, 1000)}\n`).join('')}`
  return `${table(findings, columns)}${advice}\n${statuses.map(status => `${count(findings, status)} ${status}`).join(', ')}\n`
}

function webUrl (given: string): string {
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) throw new InvalidArgumentError('It must be a URL such as http://10.0.0.5:8080.')
  return given
}

function origin (given: string): string {
  if (!isOrigin(given)) throw new InvalidArgumentError('It must be an origin such as https://app.example.com.')
  return given
}

interface DoctorOptions { server?: string, resource?: string, origin?: string }

export const doctorCommand: CommandGroup = (program, action) => {
  program.command('doctor')
    .description('Find out what is set up wrong: settings, database, provider, and the running server as clients see it. Nothing is changed, registered or signed in. Exits with 1 where there is a problem.')
    .addOption(new Option('--server <url>', 'ask there, in the place of OAUTH_SERVER_URL').argParser(webUrl))
    .addOption(new Option('--resource <url>', 'the protected resource to knock at, where it is not the first one').argParser(webUrl))
    .addOption(new Option('--origin <origin>', `a web page that has to be able to call (default: the MCP Inspector's, ${inspectorOrigin})`).argParser(origin))
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth doctor')
    .action(action(async (context, { server, resource: url, origin }: DoctorOptions) => {
      const { env } = context
      if (server === undefined && read(env, 'OAUTH_SERVER_URL') === undefined) {
        throw new MisuseError('OAUTH_SERVER_URL is not set here; set what the server has, or name its public URL with --server')
      }
      const site = findSite(env, server)
      const front = findFront(site)
      const resource = findResource(front, url)
      const findings = await examine([
        configurationChecks(env),
        databaseChecks(context, env),
        providerChecks(env, site, front),
        [...serverChecks(front, resource), ...accessChecks(front, resource, origin)]
      ])
      context.answer(findings, report(findings))
      const problems = count(findings, 'problem')
      if (problems > 0) throw new RefusedError(problems === 1 ? 'there is a problem' : `there are ${problems} problems`)
    }))
}
