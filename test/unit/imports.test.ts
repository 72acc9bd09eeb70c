/**
 * The architecture, read from the import lines of src/: which folder may import which, which files are PURE, "Types only"
 * or "A table" by their opening comments and keep to it, and that each npm package has one importer. A failure names the
 * file and the rule.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, posix } from 'node:path'
import test from 'node:test'

/** Layer (a folder of src, or a file in it) → the layers that it may import. Upper ones first: imports go down only. */
const layers: Record<string, readonly string[]> = {
  main: ['cli'],
  cli: [
    'daemon',
    'state',
    'open-directory',
    'key-disk',
    'doctor',
    'monitor',
    'dovecot',
    'postfix',
    'net',
    'auth',
    'sasl',
    'passwords',
    'accounts',
    'config',
    'toml',
    'log',
  ],
  daemon: ['monitor', 'state', 'listeners', 'generation', 'dovecot', 'net', 'auth', 'sasl', 'log'],
  state: ['listeners', 'generation', 'log'],
  listeners: ['dovecot', 'postfix', 'net', 'auth', 'sasl', 'accounts', 'log'],
  generation: ['open-directory', 'key-disk', 'auth', 'sasl', 'passwords', 'accounts', 'fingerprint', 'log'],
  monitor: ['net', 'log'],
  'open-directory': ['key-disk', 'auth', 'oidc', 'log'],
  'key-disk': ['accounts'],
  doctor: ['auth', 'sasl', 'oidc', 'log'],
  dovecot: ['net', 'auth', 'sasl', 'accounts', 'log'],
  postfix: ['net', 'auth', 'accounts', 'log'],
  auth: ['sasl', 'oidc', 'passwords', 'accounts', 'log'],
  net: ['log'],
  sasl: [],
  oidc: ['log', 'secret'],
  passwords: ['accounts', 'log'],
  accounts: ['toml', 'log'],
  config: ['toml', 'secret'],
  fingerprint: ['secret'],
  status: ['telemetry'],
  telemetry: [],
  log: [],
  escape: [],
  toml: [],
  secret: [],
}

/** What the configuration says, what happens, how the daemon does. Their types may be used everywhere. */
const sharedTypes = ['src/config/config.ts', 'src/telemetry.ts', 'src/status.ts']
/** Files that others than their own layer may use too: how things are spelled. PURE, and importing only each other. */
const vocabulary: Record<string, readonly string[]> = {
  'src/escape.ts': ['cli', 'oidc', 'auth', 'accounts', 'config', 'log'],
  'src/accounts/address.ts': ['config'],
  'src/config/problem.ts': ['accounts', 'passwords', 'status', 'monitor', 'generation', 'state', 'daemon'],
  'src/config/suggest.ts': ['accounts', 'passwords'],
  'src/config/values.ts': ['accounts', 'passwords', 'doctor'],
}

/** What a PURE file may use beside PURE files: no I/O, no clock, no chance. */
const pureBuiltins = ['node:buffer', 'node:module', 'node:url', 'node:util']
const purePackages = ['@mongodb-js/saslprep', 'smol-toml', 'toml-eslint-parser', 'valibot']
const impureGlobals =
  /\b(?:Date\.now|new Date\(\)|performance\.|set(?:Timeout|Interval|Immediate)\(|process\.|console\.|fetch\(|Math\.random)/

type Import = { readonly line: number; readonly from: string; readonly typesOnly: boolean }
type SourceFile = { readonly path: string; readonly text: string; readonly imports: readonly Import[] }

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => readSource(join('src', name)))
  .sort((a, b) => a.path.localeCompare(b.path))

function readSource(path: string): SourceFile {
  const text = readFileSync(path, 'utf8')
  return { path, text, imports: findImports(text) }
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. Biome keeps them in this form. */
function findImports(text: string): Import[] {
  const statement = /^(?:import|export)\s+(?:(type\s)?\s*([\w*{][^'";]*?)\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm
  return [...text.matchAll(statement)].map(({ index, 1: type, 2: names = '', 3: from, 4: dynamic }) => ({
    line: text.slice(0, index).split('\n').length,
    from: from ?? dynamic ?? '',
    typesOnly: type !== undefined || /^\{\s*(?:type\s+[\w ]+,?\s*)+\}$/.test(names),
  }))
}

const isRelative = (from: string): boolean => from.startsWith('.')
const isBuiltin = (from: string): boolean => from.startsWith('node:') || builtinModules.includes(from)
const packageOf = (from: string): string =>
  from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
const targetOf = (file: SourceFile, from: string): string => posix.join(posix.dirname(file.path), from)
const layerOf = (path: string): string => path.split('/')[1]?.replace(/\.ts$/, '') ?? path
const openingComment = (text: string): string => /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ''
const isPure = (text: string): boolean => /\bPURE\b/.test(openingComment(text))
/** Types and at most error classes. */
const isTypesOnly = (text: string): boolean => /\bTypes only\b/.test(openingComment(text))
/** Constants without a function. */
const isTable = (text: string): boolean => /\bA table\b/.test(openingComment(text))
/** What PURE files may import. The last two do nothing, so there is nothing to test about them. */
const isHarmless = (text: string): boolean => isPure(text) || isTypesOnly(text) || isTable(text)

function findBreaches(check: (file: SourceFile, imported: Import) => string | undefined): string[] {
  return files.flatMap(file =>
    file.imports.flatMap(imported => {
      const rule = check(file, imported)
      return rule === undefined ? [] : [`${file.path}:${imported.line} imports '${imported.from}': ${rule}`]
    }),
  )
}

/** The rows of code, in files of one kind, that have what they may not have. */
function rowsOf(kind: (text: string) => boolean, forbidden: RegExp): string[] {
  return files
    .filter(({ text }) => kind(text))
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((row, index) => {
        const found = /^\s*(?:\/?\*|\/\/)/.test(row) ? null : forbidden.exec(row)
        return found === null ? [] : [`${path}:${index + 1}: "${found[0]}" does not go with its opening comment`]
      }),
    )
}

function assertNone(breaches: readonly string[]): void {
  assert.ok(breaches.length === 0, `\n${breaches.join('\n')}`)
}

function layerRule(file: SourceFile, { from, typesOnly }: Import): string | undefined {
  if (!isRelative(from)) return undefined
  const target = targetOf(file, from)
  const layer = layerOf(file.path)
  const targetLayer = layerOf(target)
  if (layer === targetLayer || vocabulary[target]?.includes(layer) || (typesOnly && sharedTypes.includes(target)))
    return undefined
  const allowed = layers[layer]
  if (allowed === undefined) return `"${layer}" is in no layer; give it a place in this test's table`
  if (allowed.includes(targetLayer)) return undefined
  return `${layer} may import ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}, not ${targetLayer}`
}

function pureRule(file: SourceFile, { from, typesOnly }: Import): string | undefined {
  if (typesOnly || !isHarmless(file.text)) return undefined
  if (isBuiltin(from))
    return pureBuiltins.includes(from) ? undefined : `a PURE file may import ${pureBuiltins.join(', ')} of Node only`
  if (!isRelative(from))
    return purePackages.includes(packageOf(from)) ? undefined : 'a PURE file imports no such package'
  const text = files.find(({ path }) => path === targetOf(file, from))?.text ?? ''
  return isHarmless(text)
    ? undefined
    : 'a PURE file imports PURE files, types and tables only, and this is none of them'
}

test('imports are found in every form', () => {
  const text = `import 'a'\nimport type { X } from 'b'\nimport { type Y, type Z } from 'c'\nimport {\n  type V,\n  w,\n} from 'd'
export { q } from 'e'\nconst x = 'import me'\nconst y = await import('f')\nimport g from 'g'\nexport function from() {}\nfoo('h')\n`
  assert.deepEqual(
    findImports(text).map(({ from, typesOnly }) => (typesOnly ? `type ${from}` : from)),
    ['a', 'type b', 'type c', 'd', 'e', 'f', 'g'],
  )
})

test('imports go one way: main → cli → daemon → dovecot, postfix → net, auth → sasl, oidc, passwords, accounts', () => {
  assertNone(findBreaches(layerRule))
})

test('the table has no way back up', () => {
  const order = Object.keys(layers)
  for (const [layer, allowed] of Object.entries(layers))
    for (const lower of allowed) assert.ok(order.indexOf(lower) > order.indexOf(layer), `${layer} → ${lower}`)
})

test('shared vocabulary is PURE and leads nowhere', () => {
  for (const path of Object.keys(vocabulary)) assert.ok(isPure(readFileSync(path, 'utf8')), path)
  assertNone(
    findBreaches((file, { from }) =>
      file.path in vocabulary && isRelative(from) && !(targetOf(file, from) in vocabulary)
        ? 'shared vocabulary may import other shared vocabulary only'
        : undefined,
    ),
  )
})

test('PURE files import PURE files, types and tables only; so do types and tables', () => {
  assertNone(findBreaches(pureRule))
})

test('every PURE file has a property test, which imports it', () => {
  const tested = new Set(
    readdirSync('test/property')
      .filter(name => name.endsWith('.test.ts'))
      .map(name => readSource(join('test/property', name)))
      .flatMap(file => file.imports.filter(({ typesOnly }) => !typesOnly).map(({ from }) => targetOf(file, from))),
  )
  assertNone(
    files
      .filter(({ path, text }) => isPure(text) && !tested.has(path))
      .map(({ path }) => `${path} is PURE, but no test/property/*.test.ts imports it`),
  )
})

test('files of types only hold no values, but for the classes of errors', () => {
  const value =
    /^(?:export\s+)?(?:(?:const|let|var|enum|async|function)\b|(?:abstract\s+)?class\b(?! \w+Error extends ))/
  const reexport = /^export (?:\*|\{(?! type ))/
  assertNone(rowsOf(isTypesOnly, value).concat(rowsOf(isTypesOnly, reexport)))
})

test('tables have no functions', () => {
  assertNone(rowsOf(isTable, /=>|\bfunction\b|\bclass\b/))
})

test('PURE files know no clock, no chance and no process', () => {
  assertNone(rowsOf(isHarmless, impureGlobals))
})

test('each npm package has one importer', () => {
  const importers = new Map<string, Set<string>>()
  for (const { path, imports } of files)
    for (const { from, typesOnly } of imports) {
      if (typesOnly || isRelative(from) || isBuiltin(from)) continue
      const name = packageOf(from)
      importers.set(name, (importers.get(name) ?? new Set()).add(path))
    }
  assertNone(
    [...importers]
      .filter(([, paths]) => paths.size > 1)
      .map(([name, paths]) => `${name} is imported by ${[...paths].join(' and ')}: put it behind one of them`),
  )
})

test('what src imports is a dependency, not a tool of development', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> }
  assertNone(
    findBreaches((_file, { from, typesOnly }) =>
      typesOnly || isRelative(from) || isBuiltin(from) || packageOf(from) in dependencies
        ? undefined
        : 'not in "dependencies" of package.json',
    ),
  )
})

test('every file opens with a comment that says what it is', () => {
  assertNone(files.filter(({ text }) => openingComment(text).trim() === '').map(({ path }) => path))
})
