/**
 * Postfix's settings, as `postconf` tells them. Running processes may know older ones until "postfix reload".
 */
import { join, resolve } from 'node:path'
import { readAssignments, readServices, type Service, type Settings } from './settings.ts'
import { askTool } from './tool.ts'

export type Postfix = {
  /** main.cf and the defaults, expanded. */
  readonly main: Settings
  readonly services: readonly Service[]
  /** `submission/inet/NAME`. */
  readonly overrides: Settings
}

/** Text: why there is nothing to look at. */
export async function readPostfix(): Promise<Postfix | string> {
  const told = await Promise.all([['-x'], ['-M'], ['-x', '-P']].map(args => askTool('postconf', args)))
  const [main, services, overrides] = told.map(answer => (answer.kind === 'text' ? answer.text : undefined))
  if (main === undefined || services === undefined || overrides === undefined)
    return told.some(({ kind }) => kind === 'absent')
      ? 'not installed here: skipped'
      : `postconf failed: ${told.flatMap(answer => (answer.kind === 'failed' ? [answer.why] : []))[0]}`
  return { main: readAssignments(main), services: readServices(services), overrides: readAssignments(overrides) }
}

/** A parameter as this service has it. */
export function settingOf({ main, overrides }: Postfix, service: Service, name: string): string {
  return overrides.get(`${service.name}/${name}`) ?? main.get(name) ?? ''
}

/** "-" means no since Postfix 3.0, unless compatibility_level is 0 (postconf(5)). */
export function isChrooted({ main }: Postfix, { chroot }: Service): boolean {
  return chroot === 'y' || (chroot === '-' && Number.parseInt(main.get('compatibility_level') ?? '0', 10) < 1)
}

/** Where a relative name of a socket leads, in a chroot or not. */
export function socketPath({ main }: Postfix, name: string): string {
  return resolve(main.get('queue_directory') ?? '/var/spool/postfix', name)
}

/** As it works with and without a chroot. */
export function relativeName({ main }: Postfix, path: string): string {
  const queue = join(main.get('queue_directory') ?? '/var/spool/postfix', '/')
  return path.startsWith(queue) ? path.slice(queue.length) : path
}
