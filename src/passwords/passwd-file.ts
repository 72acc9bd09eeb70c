/**
 * Passwd-file: the lines of Dovecot's passwd-file (src/auth/db-passwd-file.c: passwd_file_add) to their fields. PURE.
 *
 *     user:password:uid:gid:gecos:home:shell:extra fields, space-separated
 *
 * Fields at the end may be missing. Empty lines, comments (`#`) and lines without a user are passed over. Extra fields may
 * hold colons; an empty one before a ninth field is the older spelling, and the ninth is `userdb_mail`. Nothing is decoded:
 * `{SCHEME}` stays with its hash, variables (`%u`) as they are. Messages repeat nothing of a line but its number.
 */
export type PasswdLine = {
  /** Counted from 1. */
  readonly line: number
  readonly user: string
  /** With its `{SCHEME}`, where it names one. */
  readonly password: string | undefined
  readonly uid: string | undefined
  readonly gid: string | undefined
  readonly gecos: string | undefined
  readonly home: string | undefined
  /** `userdb_quota_rule`, `allow_nets`, … A flag without "=" is "yes". */
  readonly extra: Readonly<Record<string, string>>
}

export type PasswdFile = {
  readonly lines: readonly PasswdLine[]
  readonly problems: readonly { readonly line: number; readonly message: string }[]
}

const maxLineLength = 64 * 1024

export function parsePasswdFile(text: string): PasswdFile {
  const lines: PasswdLine[] = []
  const problems: { line: number; message: string }[] = []
  const seen = new Map<string, number>()
  for (const [index, given] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = index + 1
    const row = given.endsWith('\r') ? given.slice(0, -1) : given
    if (row === '' || row.startsWith(':') || row.startsWith('#')) continue
    const complaint = findComplaint(row)
    const parsed = parseLine(row, line)
    const first = seen.get(parsed.user)
    if (complaint !== undefined) problems.push({ line, message: complaint })
    else if (first !== undefined)
      problems.push({ line, message: `this user stands in line ${first} too, and Dovecot takes the first` })
    else {
      seen.set(parsed.user, line)
      lines.push(parsed)
    }
  }
  return { lines, problems }
}

function findComplaint(row: string): string | undefined {
  if (row.length > maxLineLength) return `longer than ${maxLineLength} characters`
  if (row.includes('\ufffd')) return 'is not UTF-8'
  // A TAB in an extra field is one too many: they are separated by spaces.
  return /\p{Cc}/u.test(row) ? 'holds a control character' : undefined
}

function parseLine(row: string, line: number): PasswdLine {
  const [user = '', password, uid, gid, gecos, home, _shell, ...rest] = row.split(':')
  const [first, ...mail] = rest
  const extra = first === '' ? oldMail(mail.join(':')) : rest.join(':').split(' ')
  return {
    line,
    user,
    password: password || undefined,
    uid: uid || undefined,
    gid: gid || undefined,
    gecos: gecos || undefined,
    home: home || undefined,
    extra: Object.fromEntries(extra.filter(field => field !== '').map(parseExtra)),
  }
}

function parseExtra(field: string): [string, string] {
  const equals = field.indexOf('=')
  return equals < 0 ? [field, 'yes'] : [field.slice(0, equals), field.slice(equals + 1)]
}

function oldMail(location: string): string[] {
  return location === '' ? [] : [`userdb_mail=${location}`]
}
