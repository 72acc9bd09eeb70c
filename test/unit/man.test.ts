/**
 * The man pages: that they have every command, option, key and field, and none that doesn't exist; that they are made for a
 * terminal; and, where there are groff, mandoc and lexgrog, what these say of them.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { leafCommands, type OptionEntry, readProgram, sharedOptions } from '../../packaging/commands.ts'
import { makePages } from '../../packaging/man/pages.ts'
import { accountKeys } from '../../src/accounts/fields.ts'
import { exit } from '../../src/cli/exit.ts'
import { listKeys } from '../../src/config/schema.ts'
import { formatPasswordLine, parsePasswordLine } from '../../src/passwords/record.ts'
import { loadText } from '../support/config.ts'

const edition = { date: '2026-01-31', version: '1.2.3' }
const pages = makePages(edition)
const program = readProgram()
const shared = sharedOptions(program)

const checks: Record<string, readonly string[]> = {
  mandoc: ['-T', 'lint'],
  groff: ['-man', '-ww', '-z', '-T', 'utf8'],
}

function isMissing(tool: string): boolean {
  return !['/usr/bin', '/bin', '/usr/local/bin'].some(folder => existsSync(join(folder, tool)))
}

function save(t: TestContext, name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-man-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

/** A heading with what stands under it: the terms that it defines, and all lines. */
type Part = { readonly heading: string; readonly terms: string[]; readonly lines: string[] }

/** As a reader sees it. */
function asRead(text: string): string {
  return text
    .replace(/\\[%&]|\\f[BIR]/g, '')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\')
}

function partsOf(page: string): Part[] {
  const parts: Part[] = []
  const lines = (pages.get(page) ?? assert.fail(page)).split('\n')
  for (const [index, line] of lines.entries()) {
    const [, heading] = /^\.S[HS] (.*)$/.exec(line) ?? []
    if (heading !== undefined) parts.push({ heading: asRead(heading), terms: [], lines: [] })
    else parts.at(-1)?.lines.push(line)
    if (line === '.TP') parts.at(-1)?.terms.push(asRead(lines[index + 1] ?? ''))
  }
  return parts
}

function part(page: string, heading: string): Part {
  return partsOf(page).find(one => one.heading === heading) ?? assert.fail(`${page} has no ${heading}`)
}

function termOf({ flags, value }: OptionEntry): string {
  const names = flags.join(', ')
  if (value === undefined) return names
  return `${names} ${value.isNeeded ? value.name : `[${value.name}]`}`
}

test('the same input makes the same bytes', () => {
  assert.deepEqual(makePages(edition), pages)
  assert.deepEqual([...pages.keys()], ['bearerd.8', 'bearerd.toml.5', 'bearerd-accounts.5', 'bearerd-app-password.8'])
})

test('every command has a part of its own, and no other has', () => {
  const found = ['bearerd.8', 'bearerd-app-password.8']
    .flatMap(partsOf)
    .map(({ heading }) => heading)
    .filter(heading => heading === heading.toLowerCase())
  const groups = program.commands.filter(({ commands }) => commands.length > 0).map(({ path }) => path.join(' '))
  const leaves = leafCommands(program).map(({ path }) => path.join(' '))
  assert.deepEqual(found.toSorted(), [...leaves, ...groups].sort())
})

for (const { path, options, arguments: args, description, example } of leafCommands(program))
  test(`all that "bearerd ${path.join(' ')}" takes, and nothing else`, () => {
    const page = path[0] === 'app-password' ? 'bearerd-app-password.8' : 'bearerd.8'
    const { terms, lines } = part(page, path.join(' '))
    const own = options.filter(option => !shared.some(({ flags }) => flags.join() === option.flags.join()))
    const explained = args.filter(argument => argument.description !== '').map(({ name }) => name)
    assert.deepEqual(terms, [...explained, ...own.map(termOf)])
    const text = asRead(lines.join(' '))
    for (const argument of args) assert.match(text, new RegExp(`\\b${argument.name}\\b`))
    for (const option of own) assert.ok(text.includes(option.description.slice(1)), option.description)
    for (const choice of own.flatMap(({ value }) => value?.choices ?? [])) assert.ok(text.includes(choice), choice)
    assert.ok(text.includes(description.slice(1)))
    assert.ok(text.replace(/ \\\s+/g, ' ').includes(example.join(' ')), example.join(' '))
  })

test('options that most commands have stand in one place', () => {
  assert.deepEqual(part('bearerd.8', 'OPTIONS').terms, [...shared, ...program.options].map(termOf).concat('--help'))
  assert.deepEqual(part('bearerd-app-password.8', 'OPTIONS').terms, shared.map(termOf))
  assert.ok(part('bearerd.8', 'OPTIONS').lines.join().includes('BEARERD_CONFIG'))
})

test('every key of bearerd.toml, with what it is', () => {
  const found = partsOf('bearerd.toml.5').flatMap(({ heading, terms }) => {
    const prefix = heading === 'BEFORE THE FIRST TABLE' ? '' : /^\[(.*)\]$/.exec(heading)?.[1]?.concat('.')
    return prefix === undefined ? [] : terms.map(term => prefix + term)
  })
  assert.deepEqual(found, listKeys())
  const { lines } = part('bearerd.toml.5', '[listen.NAME]')
  assert.match(
    asRead(lines.join('\n')),
    /\.TP\nmode\npermissions; default: "0660"; "0600" for\sdovecot-master\n\.br\nWho may/,
  )
})

test('every key of an account and of an app password', () => {
  assert.deepEqual(part('bearerd-accounts.5', 'KEYS').terms.toSorted(), accountKeys.toSorted())
  const [, example = ''] = /```jsonl\n(.*)\n```/.exec(readFileSync('docs/reference/app-passwords.md', 'utf8')) ?? []
  const parsed = parsePasswordLine(example)
  assert.ok(parsed.ok)
  assert.deepEqual(
    part('bearerd-app-password.8', 'THE FILE').terms,
    Object.keys(JSON.parse(formatPasswordLine(parsed.record))),
  )
})

test('every exit status', () => {
  assert.deepEqual(part('bearerd.8', 'EXIT STATUS').terms.map(Number), Object.values(exit))
})

test('variables that are read, or handed over by the unit', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const text = sources.map(name => readFileSync(join('src', name), 'utf8')).join('\n')
  for (const name of part('bearerd.8', 'ENVIRONMENT').terms.flatMap(term => term.split(', ')))
    assert.match(text, new RegExp(`\\b${name}\\b`), name)
})

test('documents that are referred to exist', () => {
  const named = [...pages.values()].flatMap(text => [
    ...asRead(text).matchAll(/\/usr\/share\/doc\/bearerd\/(docs\/[\w./-]+\w)/g),
  ])
  assert.ok(named.length > 0)
  for (const [whole, file = ''] of named) assert.ok(existsSync(file), whole)
})

test('the example of bearerd.toml(5) loads as it stands there', async t => {
  const lines = part('bearerd.toml.5', 'EXAMPLE').lines
  const toml = asRead(lines.slice(lines.indexOf('.nf') + 1, lines.indexOf('.fi')).join('\n'))
  const { folder } = await loadText(t, '', { files: { 'mail-client-secret': 's3cret\n' } })
  const { config, problems } = await loadText(t, toml, { env: { CREDENTIALS_DIRECTORY: folder } })
  assert.deepEqual(problems, [])
  assert.equal(config?.directories.length, 3)
})

for (const [name, text] of pages) {
  test(`${name}: a title, and a name that whatis finds`, () => {
    const [title, , , heading, line = ''] = text.split('\n')
    const [, page = '', section] = /^(.*)\.(\d)$/.exec(name) ?? []
    const header = `.TH ${page.toUpperCase()} ${section} "2026-01-31" "bearerd 1.2.3" `
    assert.ok(asRead(title ?? '').startsWith(header), title)
    assert.equal(heading, '.SH NAME')
    assert.match(asRead(line), new RegExp(`^${page} - [A-Za-z ]+$`))
  })

  test(`${name}: nothing is left of Markdown, and lines fit`, () => {
    // Code has what it has.
    const prose = text.replace(/^\.nf\n[\s\S]*?^\.fi$/gm, '')
    assert.doesNotMatch(prose, /`|\\\(ga|\*\*|\]\(|^#|^\||\{\{|&[a-z]+;/m)
    for (const line of text.split('\n').slice(1)) {
      assert.match(line, /^[\x20-\x7e]*[\x21-\x7e]$|^$/, line)
      assert.ok(line.length <= 100 && asRead(line).length <= 79, line)
    }
  })

  for (const [tool, args] of Object.entries(checks))
    test(`${name}: ${tool} has nothing against it`, { skip: isMissing(tool) && `no ${tool} here` }, t => {
      const { status, stdout, stderr } = spawnSync(tool, [...args, save(t, name, text)], { encoding: 'utf8' })
      assert.equal(stdout + stderr, '')
      assert.equal(status, 0)
      const broken = spawnSync(tool, [...args, save(t, name, `${text}.XX\n`)], { encoding: 'utf8' })
      assert.notEqual(broken.stdout + broken.stderr, '', 'a mistake would have been seen')
    })

  test(`${name}: lexgrog reads its name`, { skip: isMissing('lexgrog') && 'no lexgrog here' }, t => {
    const { status, stdout } = spawnSync('lexgrog', [save(t, name, text)], { encoding: 'utf8' })
    assert.equal(status, 0)
    assert.match(stdout, new RegExp(`: "${name.slice(0, -2)} - `))
  })
}

test('at 80 columns, no line is longer', { skip: isMissing('mandoc') && 'no mandoc here' }, t => {
  for (const [name, text] of pages) {
    const { stdout } = spawnSync('mandoc', ['-T', 'ascii', '-O', 'width=78', save(t, name, text)], { encoding: 'utf8' })
    for (const line of stdout.split('\n')) assert.ok(line.replace(/.\x08/g, '').length <= 80, `${name}: ${line}`)
  }
})
