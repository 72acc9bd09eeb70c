/**
 * `npm run package -- [--arch amd64|arm64] [--version V] [--out DIR] [--tree DIR]`: builds bearerd_V_ARCH.deb from this
 * checkout, or with --tree only the folders and files that it would install. README.md here says what is inside.
 *
 * Same checkout, lock file and SOURCE_DATE_EPOCH: same bytes, wherever and whenever it is built. Needs npm's registry (or
 * its cache), tar and dpkg-deb; nothing is compiled.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { debianVersion } from './changelog.ts'
import { packDeb } from './deb.ts'
import { type Architecture, architectures } from './node-runtime.ts'
import { readRoot } from './source.ts'
import { dateOfSource } from './source-date.ts'
import { stageTree } from './tree.ts'

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' },
    version: { type: 'string', default: (JSON.parse(readRoot('package.json')) as { version: string }).version },
    out: { type: 'string', default: '.' },
    tree: { type: 'string' },
  },
})

/** The characters of a Debian version that are a semantic version's too. */
const version = debianVersion(values.version)
if (!/^\d[A-Za-z0-9.+~]*$/.test(version))
  fail(`"${values.version}" is no version: expected one like 1.2.3 or 1.2.3-rc.1`)
const arch = architectures.find(known => known === values.arch) ?? fail(`"${values.arch}" is neither amd64 nor arm64`)

if (values.tree === undefined) console.log(await build(resolve(values.out)))
else {
  await stage(resolve(values.tree))
  console.log(resolve(values.tree))
}

async function build(out: string): Promise<string> {
  const tree = mkdtempSync(join(tmpdir(), 'bearerd-package-'))
  try {
    const runtime = await stage(tree)
    mkdirSync(out, { recursive: true })
    return await packDeb({
      tree,
      out,
      version,
      arch: arch as Architecture,
      depends: runtime.depends,
      date: dateOfSource(),
    })
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

function stage(tree: string): ReturnType<typeof stageTree> {
  return stageTree({ tree, version, arch: arch as Architecture, date: dateOfSource() })
}

function fail(message: string): never {
  console.error(message)
  process.exit(64)
}
