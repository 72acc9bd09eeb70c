/**
 * CHANGELOG.md as Debian's changelog (deb-changelog(5)): one entry a version, its lines as they stand, without markup.
 */

export type ChangelogOptions = {
  readonly version: string
  readonly maintainer: string
  /** Of an entry without a date, in seconds. */
  readonly date: number
}

export function debianChangelog(markdown: string, { version, maintainer, date }: ChangelogOptions): string {
  const [newest, ...older] = sectionsOf(markdown)
  const isOurs = newest !== undefined && (newest.day === undefined || debianVersion(newest.version) === version)
  // What isn't released yet is released with this package.
  const ours = { version, day: isOurs ? newest.day : undefined, lines: isOurs ? newest.lines : [unsaid] }
  const sections = isOurs || newest === undefined ? [ours, ...older] : [ours, newest, ...older]
  return sections.map(section => entry(section, maintainer, date)).join('\n')
}

const unsaid = 'Built from the source of this time.'

/** "-rc.1" comes before the release. */
export function debianVersion(version: string): string {
  return version.replace('-', '~')
}

type Section = { readonly version: string; readonly day: string | undefined; readonly lines: readonly string[] }

function sectionsOf(markdown: string): Section[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .flatMap(section => {
      const [, version, day] = /^\[([^\]]+)\] - (\S+)/.exec(section) ?? []
      if (version === undefined || !/^\d/.test(version)) return []
      return [{ version, day: /^\d{4}-/.test(day ?? '') ? day : undefined, lines: itemsOf(section) }]
    })
}

function itemsOf(section: string): string[] {
  const lines = section.split('\n').slice(1)
  return lines.flatMap(line => /^ ?[-*] (.*)$/.exec(line)?.[1] ?? [])
}

function entry({ version, day, lines }: Section, maintainer: string, date: number): string {
  const seconds = day === undefined ? date : Date.parse(`${day}T00:00:00Z`) / 1000
  const when = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000')
  const items = lines.map(line => wrap(line.replaceAll('`', '')))
  const head = `bearerd (${debianVersion(version)}) unstable; urgency=medium`
  return [head, '', ...items, '', ` -- ${maintainer}  ${when}`, ''].join('\n')
}

/** At 78 columns, after "  * ". */
function wrap(text: string): string {
  const rows: string[] = []
  let row = '  *'
  for (const word of text.split(/\s+/)) {
    if (row.length + 1 + word.length > 78 && row.trim() !== '*') {
      rows.push(row)
      row = '   '
    }
    row = `${row} ${word}`
  }
  return [...rows, row].join('\n')
}
