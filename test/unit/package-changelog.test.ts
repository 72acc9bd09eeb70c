/** CHANGELOG.md as the Debian package has it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { debianChangelog } from '../../packaging/changelog.ts'

const maintainer = 'bearerd maintainers <bearerd@localhost>'
const headsOf = (markdown: string, version: string) =>
  debianChangelog(markdown, { version, maintainer, date: 1_800_000_000 }).match(/^bearerd \S+|\w{3}, .*$/gm)

test('what is unreleased is released with the package that is built, whatever its version', () => {
  const markdown = '# Changelog\n\n## [1.1.0] - unreleased\n\n - New.\n\n## [1.0.0] - 2026-01-01\n\n - Old.\n'
  const heads = (version: string) => [
    `bearerd (${version})`,
    'Fri, 15 Jan 2027 08:00:00 +0000',
    'bearerd (1.0.0)',
    'Thu, 01 Jan 2026 00:00:00 +0000',
  ]
  for (const version of ['1.1.0', '1.1.0~rc.2']) assert.deepEqual(headsOf(markdown, version), heads(version))
})

test('a release has its own date, and a build of another version an entry', () => {
  const markdown = '## [1.0.0-rc.1] - 2026-01-01\n\n - First.\n'
  const release = ['bearerd (1.0.0~rc.1)', 'Thu, 01 Jan 2026 00:00:00 +0000']
  assert.deepEqual(headsOf(markdown, '1.0.0~rc.1'), release)
  const build = ['bearerd (1.0.1)', 'Fri, 15 Jan 2027 08:00:00 +0000']
  assert.deepEqual(headsOf(markdown, '1.0.1'), [...build, ...release])
})

test('lines are wrapped, and have no markup', () => {
  const long = `\`bearerd serve\`: ${'word '.repeat(20)}`
  const text = debianChangelog(`## [1.0.0] - 2026-01-01\n - ${long.trim()}\n`, {
    version: '1.0.0',
    maintainer,
    date: 0,
  })
  assert.match(text, /^ {2}\* bearerd serve: word/m)
  assert.ok(text.split('\n').every(line => line.length <= 78))
})
