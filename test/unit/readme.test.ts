/**
 * The documents: links lead somewhere, commands exist, examples load. What their settings do to real servers is tested in
 * test/interop, what README.md shows of the demo in test/provider/demo.test.ts.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createLineParser, parseTomlAccounts } from '../../src/accounts/file.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { parsePasswordLine } from '../../src/passwords/record.ts'

const pages = ['.', 'docs', 'docs/howto', 'docs/reference', 'packaging']
  .flatMap(folder => readdirSync(folder).map(name => join(folder, name)))
  .filter(name => name.endsWith('.md'))
const read = (file: string): string => readFileSync(file, 'utf8')

test('links lead somewhere', () => {
  const dead = pages.flatMap(page =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
      .map(([, target = '', anchor]) => ({ file: target === '' ? page : join(dirname(page), target), anchor }))
      .filter(({ file, anchor }) => !existsSync(file) || (anchor !== undefined && !anchors(file).includes(anchor)))
      .map(({ file, anchor }) => `${page}: ${file}${anchor === undefined ? '' : `#${anchor}`}`),
  )
  assert.deepEqual(dead, [])
})

/** As GitHub and GitLab make them from headings. */
function anchors(file: string): string[] {
  return [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('the index names every page', () => {
  const index = read('docs/README.md')
  for (const page of pages.filter(name => /^docs\/\w+\//.test(name)))
    assert.ok(index.includes(`(${page.slice('docs/'.length)})`), `${page} is missing in docs/README.md`)
})

test('npm commands exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const page of pages)
    for (const [command, run, name = ''] of read(page).matchAll(/\bnpm (run )?([a-z][a-z:]*)/g))
      assert.ok(
        name in scripts || (run === undefined && ['ci', 'pack', 'install', 'view'].includes(name)),
        `${page}: ${command}`,
      )
})

test("bearerd's commands exist", () => {
  const sources = readdirSync('src/cli').map(name => read(join('src/cli', name)))
  const known = [...sources.join('\n').matchAll(/\.command\('([\w-]+)/g)].map(([, name]) => name)
  assert.ok(known.includes('serve'))
  for (const page of pages)
    for (const [found, name] of read(page).matchAll(
      /(?:dist\/main\.js|`bearerd|\$ bearerd|&& bearerd) ([a-z][a-z-]+)/g,
    ))
      assert.ok(known.includes(name), `${page}: ${found}`)
})

/** The code blocks of a page, those in lists too. */
function blocks(page: string, language: string): string[] {
  const fenced = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\`$`, 'gms')
  return [...read(page).matchAll(fenced)].map(([, indent = '', text = '']) =>
    text.replaceAll(`\n${indent}`, '\n').trim(),
  )
}

async function load(t: TestContext, files: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-sample-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 })
  const { config, problems } = await loadConfig(join(folder, 'bearerd.toml'), {})
  assert.ok(config !== undefined || problems.length > 0)
  const parsed = await parseTomlAccounts('accounts.toml', files['accounts.toml'] ?? '')
  assert.ok(parsed.entries.length > 0 || parsed.problems.length > 0)
  return [...problems, ...parsed.problems].filter(({ severity }) => severity === 'error').map(formatProblem)
}

/** The first toml block of README.md, with the sockets of the how-to pages. */
function startingConfig(): string {
  const [config = ''] = blocks('README.md', 'toml')
  const sockets = ['dovecot', 'postfix'].flatMap(page =>
    blocks(`docs/howto/${page}.md`, 'toml').filter(text => text.includes('[listen.')),
  )
  return [config, ...sockets].join('\n')
}

test('README.md and docs/howto/systemd.md lead to a first account, and to what bearerd check prints there', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-start-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const local = (text: string): string =>
    text.replaceAll('/var/lib/bearerd', folder).replaceAll('/etc/bearerd', folder).replaceAll('"vmail"', '5000')
  writeFileSync(join(folder, 'bearerd.toml'), local(startingConfig()))
  const [inReadme] = blocks('README.md', 'console')
  const page = blocks('docs/howto/systemd.md', 'console').join('\n')
  const shown = [...page.matchAll(/^# (?:runuser -u bearerd -- )?bearerd (account add .*|check)\n((?:[^#$].*\n?)+)/gm)]
  assert.equal(inReadme, `# bearerd ${shown[0]?.[1]}`)
  for (const [, command = '', expected] of shown) {
    const args = ['--import', 'tsx', 'src/main.ts', ...command.split(' '), '--config', join(folder, 'bearerd.toml')]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(`${stdout}${stderr}`.trim(), local(expected ?? '').trim(), command)
  }
  assert.equal(shown.length, 2)
})

test('the sample files of test/demo load', async t => {
  const [config, accounts] = [read('test/demo/bearerd.toml'), read('test/demo/accounts.toml')]
  const files = { 'bearerd.toml': config, 'accounts.toml': accounts, 'client-secret': 'secret' }
  assert.deepEqual(await load(t, files), [])
})

const accountsPage = 'docs/reference/accounts.md'

test('the two spellings of docs/reference/accounts.md are the same accounts', async () => {
  const [toml = ''] = blocks(accountsPage, 'toml').filter(text => text.startsWith('[[account]]'))
  const [jsonl = ''] = blocks(accountsPage, 'jsonl').filter(text => text.startsWith('{"address"'))
  const fromToml = await parseTomlAccounts('accounts.toml', toml)
  const parser = createLineParser('accounts.jsonl')
  const parts = [parser.push(Buffer.from(jsonl)), parser.end()]
  assert.deepEqual([...fromToml.problems, ...parts.flatMap(({ problems }) => problems)], [])
  const accounts = fromToml.entries.map(({ account }) => account)
  assert.deepEqual(
    parts.flatMap(({ entries }) => entries.map(({ account }) => account)),
    accounts,
  )
  assert.deepEqual(
    accounts.map(({ address, enabled, receives }) => ({ address, enabled, receives })),
    [
      { address: 'alice@example.org', enabled: true, receives: true },
      { address: 'frank@example.org', enabled: false, receives: true },
    ],
  )
})

test('docs/reference/accounts.md has no key that does not exist', async () => {
  const keys = [...read(accountsPage).matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, key = '']) => key)
  assert.ok(keys.includes('address') && keys.includes('userdb'))
  const unknown = await Promise.all(
    keys.map(async key => {
      const { problems } = await parseTomlAccounts('accounts.toml', `[[account]]\n${key} = "x"\n`)
      return problems.filter(({ message }) => message.includes('unknown key')).map(() => key)
    }),
  )
  assert.deepEqual(unknown.flat(), [])
})

test('docs/reference/app-passwords.md has a record that is one, and all of its keys', () => {
  const page = 'docs/reference/app-passwords.md'
  const [example = ''] = blocks(page, 'jsonl')
  assert.deepEqual(parsePasswordLine(example).ok, true)
  const keys = [...read(page).matchAll(/^\| `([a-z]+)` \|/gm)].map(([, key = '']) => key)
  assert.deepEqual(keys, Object.keys(JSON.parse(example)))
})
