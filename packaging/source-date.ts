/**
 * When the source was last changed, in seconds (https://reproducible-builds.org/specs/source-date-epoch/): SOURCE_DATE_EPOCH,
 * else the last commit's time, else the last release's in CHANGELOG.md. No file in the package is younger.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readRoot, root } from './source.ts'

export function dateOfSource(): number {
  const { SOURCE_DATE_EPOCH: given } = process.env
  if (given !== undefined && /^\d+$/.test(given)) return Number(given)
  return dateOfCommit() ?? dateOfRelease() ?? fail()
}

function dateOfCommit(): number | undefined {
  // An unpacked tarball inside another repository isn't a commit of that.
  if (!existsSync(join(root, '.git'))) return undefined
  const { status, stdout } = spawnSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' })
  return status === 0 && /^\d+$/.test(stdout.trim()) ? Number(stdout) : undefined
}

function dateOfRelease(): number | undefined {
  const [, date] = /^## \[[^\]]+\] - (\d{4}-\d\d-\d\d)$/m.exec(readRoot('CHANGELOG.md')) ?? []
  return date === undefined ? undefined : Date.parse(`${date}T00:00:00Z`) / 1000
}

function fail(): never {
  throw new Error('there is no commit, and no release with a date in CHANGELOG.md: set SOURCE_DATE_EPOCH')
}
