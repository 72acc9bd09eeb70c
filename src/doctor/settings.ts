/**
 * Settings: what postconf and doveconf print, read into tables. PURE.
 *
 * Formats: postconf(1) `-x`, `-M` and `-P`; doveconf(1) `-a`. What can't be read is passed over.
 */

export type Settings = ReadonlyMap<string, string>

/** A line of master.cf: `submission inet n - y - - smtpd -o …`. */
export type Service = {
  /** `submission/inet`, as `postconf -P` has it. */
  readonly name: string
  /** The column as it stands: "y", "n" or "-". */
  readonly chroot: string
  readonly program: string
}

/** `name = value`, one a line; of `-P`, `submission/inet/name = value`. */
export function readAssignments(text: string): Settings {
  return new Map(text.split('\n').flatMap(line => readAssignment(line)))
}

function readAssignment(line: string): [string, string][] {
  const [, name, value = ''] = /^([^\s=]+) =(.*)$/.exec(line) ?? []
  return name === undefined ? [] : [[name, value.trim()]]
}

export function readServices(text: string): Service[] {
  return text.split('\n').flatMap(line => {
    const [name, type, , , chroot, , , program] = line.split(/\s+/)
    if (name === '' || type === undefined || chroot === undefined || program === undefined) return []
    return [{ name: `${name}/${type}`, chroot, program }]
  })
}

/** Blocks as paths: `service imap-login {` with `chroot = login` in it is `service/imap-login/chroot`. */
export function readBlocks(text: string): Settings {
  const settings = new Map<string, string>()
  const path: string[] = []
  for (const line of text.split('\n')) {
    const trimmed = line.trim()
    if (trimmed === '}') path.pop()
    else if (/^[^=]*\{$/.test(trimmed)) path.push(trimmed.slice(0, -1).trim().replace(/\s+/g, '/'))
    else for (const [name, value] of readAssignment(trimmed)) settings.set([...path, name].join('/'), value)
  }
  return settings
}
