/**
 * What of npm's packages goes into the package: code, data that code reads, and licences. Typings, source maps, tests,
 * documents and other people's build files stay out.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { run } from './run.ts'
import { root } from './source.ts'

export type NpmPackage = {
  /** Inside node_modules: "jose", "@pinojs/redact", "pino-pretty/node_modules/sonic-boom". */
  readonly folder: string
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly author: string | undefined
  readonly licenceText: string
}

const code = /\.(?:js|cjs|mjs|json|wasm)$/
/** Beside a package's package.json only: deeper, a folder of that name may be code. */
const besideCode = new Set(['test', 'tests', 'bench', 'benchmark', 'benchmarks', 'docs', 'example', 'examples'])
const licenceFile = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i

/** Puts node_modules into this folder, as the lock file says, without running anybody's scripts. */
export async function stageModules(folder: string): Promise<NpmPackage[]> {
  mkdirSync(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    if (existsSync(join(root, name))) copyFileSync(join(root, name), join(folder, name))
  // Optional and peer ones are another package's typings: TypeScript.
  const omitted = ['--omit=dev', '--omit=optional', '--omit=peer']
  await run('npm', ['ci', ...omitted, '--ignore-scripts', '--prefer-offline', '--loglevel=error'], { cwd: folder })
  for (const name of ['package-lock.json', '.npmrc', 'node_modules/.package-lock.json', 'node_modules/.bin'])
    rmSync(join(folder, name), { recursive: true, force: true })
  const modules = join(folder, 'node_modules')
  const packages = findPackages(modules).map(name => describe(modules, name))
  for (const { folder } of packages) prune(join(modules, folder), true)
  return packages
}

/** Folders of packages, those inside of others too. */
function findPackages(modules: string, prefix = ''): string[] {
  return foldersIn(modules).flatMap(name => {
    if (name.startsWith('@')) return findPackages(join(modules, name), `${prefix}${name}/`)
    const inner = join(modules, name, 'node_modules')
    const nested = existsSync(inner) ? findPackages(inner, `${prefix}${name}/node_modules/`) : []
    return [`${prefix}${name}`, ...nested]
  })
}

function describe(modules: string, folder: string): NpmPackage {
  const path = join(modules, folder)
  const about = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<string, unknown>
  const { author } = about as { author?: string | { name?: string } }
  return {
    folder,
    name: String(about.name),
    version: String(about.version),
    licence: typeof about.license === 'string' ? about.license : '',
    author: typeof author === 'string' ? author : author?.name,
    licenceText: readdirSync(path)
      .filter(name => licenceFile.test(name))
      .sort()
      .map(name => readFileSync(join(path, name), 'utf8').trim())
      .join('\n\n'),
  }
}

function prune(folder: string, isTop: boolean): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      // Packages inside of packages are pruned as such.
      if (entry.name === 'node_modules') continue
      if (entry.name.startsWith('.') || (isTop && besideCode.has(entry.name))) rmSync(path, { recursive: true })
      else prune(path, false)
    } else if (!isWanted(entry.name)) rmSync(path)
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}

function isWanted(name: string): boolean {
  if (name.startsWith('.')) return false
  return code.test(name) || licenceFile.test(basename(name))
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort()
}
