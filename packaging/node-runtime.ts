/**
 * Node for the package: the version in node-runtime.json, from the npm packages that hold nodejs.org's builds, and only
 * with the bytes that are pinned there.
 *
 * Downloads are kept in node_modules/.cache, and checked each time they are used.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { neededPackages } from './needed-packages.ts'
import { run } from './run.ts'
import { readRoot, root } from './source.ts'

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

type Pinned = { readonly version: string } & Record<
  Architecture,
  { readonly package: string; readonly integrity: string }
>

export type NodeRuntime = {
  /** Debian packages that it needs. */
  readonly depends: readonly string[]
  readonly version: string
  readonly licence: string
}

/** Puts bin/node into this folder. */
export async function stageNode(folder: string, arch: Architecture): Promise<NodeRuntime> {
  const pinned = JSON.parse(readRoot('packaging/node-runtime.json')) as Pinned
  const archive = await download(pinned[arch].package, pinned.version, pinned[arch].integrity)
  mkdirSync(folder, { recursive: true })
  const members = ['package/bin/node', 'package/LICENSE']
  await run('tar', ['-xzf', archive, '-C', folder, '--no-same-owner', '--strip-components=1', ...members])
  const licence = readFileSync(join(folder, 'LICENSE'), 'utf8')
  rmSync(join(folder, 'LICENSE'))
  return { depends: neededPackages(readFileSync(join(folder, 'bin/node'))), version: pinned.version, licence }
}

async function download(name: string, version: string, integrity: string): Promise<string> {
  const cache = join(root, 'node_modules/.cache/bearerd-package')
  const archive = join(cache, `${name}-${version}.tgz`)
  if (existsSync(archive) && integrityOf(archive) === integrity) return archive
  // In a folder of its own, so that two builds at a time don't see each other's half.
  const aside = join(cache, `${process.pid}`)
  mkdirSync(aside, { recursive: true })
  try {
    await run('npm', ['pack', `${name}@${version}`, '--pack-destination', aside])
    const got = join(aside, `${name}-${version}.tgz`)
    const found = integrityOf(got)
    if (found !== integrity)
      throw new Error(`${name}@${version}: expected ${integrity}, as in packaging/node-runtime.json, got ${found}`)
    renameSync(got, archive)
    return archive
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

function integrityOf(file: string): string {
  return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`
}
