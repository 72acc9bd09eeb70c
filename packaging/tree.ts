/**
 * The folders and files that a package of bearerd installs, whatever its format: what README.md here lists.
 */
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { debianChangelog } from './changelog.ts'
import { copyrightText } from './copyright.ts'
import { exampleConfig } from './example.ts'
import { maintainer } from './maintainer.ts'
import { stageModules } from './modules.ts'
import { type Architecture, type NodeRuntime, stageNode } from './node-runtime.ts'
import { run } from './run.ts'
import { readRoot, root } from './source.ts'

export type TreeOptions = {
  readonly tree: string
  readonly version: string
  readonly arch: Architecture
  /** In seconds. */
  readonly date: number
}

export async function stageTree({ tree, version, arch, date }: TreeOptions): Promise<NodeRuntime> {
  const lib = join(tree, 'usr/lib/bearerd')
  mkdirSync(lib, { recursive: true })
  const [node, packages] = await Promise.all([
    stageNode(lib, arch),
    stageModules(lib),
    compile(join(lib, 'dist')),
    stageGenerated(tree, version, date),
  ])
  writePackageJson(lib, version)
  stageFiles(tree)
  stageDocs(tree)
  const doc = join(tree, 'usr/share/doc/bearerd')
  const changelog = debianChangelog(readRoot('CHANGELOG.md'), { version, maintainer, date })
  write(join(doc, 'copyright'), copyrightText(readRoot('LICENSE'), packages, node))
  writeGzip(join(doc, 'changelog.gz'), changelog)
  return node
}

function compile(out: string): Promise<string> {
  return run(
    join(root, 'node_modules/.bin/tsc'),
    ['-p', 'tsconfig.build.json', '--outDir', out, '--sourceMap', 'false'],
    { cwd: root },
  )
}

/** What Node and bearerd read in it; no more, so that no path or tool of development is named. */
function writePackageJson(lib: string, version: string): void {
  const { name, description, license, type } = JSON.parse(readRoot('package.json')) as Record<string, unknown>
  write(
    join(lib, 'package.json'),
    `${JSON.stringify({ name, version, description, license, type, private: true }, null, 2)}\n`,
  )
}

function stageFiles(tree: string): void {
  copy('packaging/debian/bearerd', join(tree, 'usr/bin/bearerd'))
  chmodSync(join(tree, 'usr/bin/bearerd'), 0o755)
  chmodSync(join(tree, 'usr/lib/bearerd/bin/node'), 0o755)
  for (const name of readdirSync(join(root, 'systemd')))
    if (/\.(?:service|socket|target)$/.test(name)) copy(`systemd/${name}`, join(tree, 'usr/lib/systemd/system', name))
  copy('systemd/sysusers.conf', join(tree, 'usr/lib/sysusers.d/bearerd.conf'))
  copy('systemd/tmpfiles.conf', join(tree, 'usr/lib/tmpfiles.d/bearerd.conf'))
  copy('packaging/debian/bearerd.toml', join(tree, 'etc/bearerd/bearerd.toml'))
}

/** With their links to each other intact. */
function stageDocs(tree: string): void {
  const doc = join(tree, 'usr/share/doc/bearerd')
  for (const name of ['README.md', 'SECURITY.md']) copy(name, join(doc, name))
  cpSync(join(root, 'docs'), join(doc, 'docs'), { recursive: true })
  write(join(doc, 'examples/bearerd.toml'), exampleConfig(readRoot('docs/reference/configuration.md')))
}

async function stageGenerated(tree: string, version: string, date: number): Promise<void> {
  const aside = join(tree, 'generated')
  const env = { SOURCE_DATE_EPOCH: String(date) }
  for (const name of ['man', 'completion']) {
    const script = join(root, `packaging/${name}.ts`)
    await run(process.execPath, ['--import', 'tsx', script, join(aside, name), version], { cwd: root, env })
  }
  for (const name of readdirSync(join(aside, 'man'))) {
    const section = name.slice(-1)
    writeGzip(join(tree, `usr/share/man/man${section}`, `${name}.gz`), readFileSync(join(aside, 'man', name)))
  }
  for (const name of readdirSync(join(aside, 'completion'))) {
    const folder = name.startsWith('_') ? 'zsh/vendor-completions' : 'bash-completion/completions'
    write(join(tree, 'usr/share', folder, name), readFileSync(join(aside, 'completion', name)))
  }
  rmSync(aside, { recursive: true, force: true })
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(join(root, from), to)
}

function write(file: string, content: string | Buffer): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** Without name and time, as "gzip -9n". */
function writeGzip(file: string, content: string | Buffer): void {
  write(file, gzipSync(content, { level: 9 }))
}
