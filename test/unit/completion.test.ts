/** Completion: bash itself is asked what it would offer; of zsh, where it is installed, whether it can read its script. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { allCommands, readProgram } from '../../packaging/commands.ts'
import { bashCompletion } from '../../packaging/completion/bash.ts'
import { zshCompletion } from '../../packaging/completion/zsh.ts'

const program = readProgram()
const folder = mkdtempSync(join(tmpdir(), 'bearerd-completion-'))
after(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'bearerd'), bashCompletion(program))
writeFileSync(join(folder, '_bearerd'), zshCompletion(program))
mkdirSync(join(folder, 'files'))
writeFileSync(join(folder, 'files', 'my accounts.csv'), '')

/** What bash offers after these words, of which the last one is being typed. Words are split as bash does. */
function offered(...words: string[]): string[] {
  const script = `set -u; source "$1"; shift; cd files
    COMP_WORDS=(bearerd "$@") COMP_CWORD=$#
    _bearerd && ((\${#COMPREPLY[@]} == 0)) || printf '%s\\n' "\${COMPREPLY[@]}"`
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['--norc', '-c', script, 'bash', join(folder, 'bearerd'), ...words],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  )
  assert.equal(stderr, '')
  assert.equal(status, 0)
  return stdout.split('\n').filter(line => line !== '')
}

for (const { path, commands, options } of allCommands(program))
  test(`bearerd ${path.join(' ')}: its commands and options`, () => {
    const names = commands.map(command => command.path.at(-1) ?? '')
    if (names.length > 0) assert.deepEqual(offered(...path, ''), names)
    const flags = options.flatMap(option => option.flags).filter(flag => flag.startsWith('--'))
    assert.deepEqual(offered(...path, '--'), [...flags, '--help'])
  })

test('what an option takes, by either spelling', () => {
  const formats = ['dovecot-passwd']
  assert.deepEqual(offered('account', 'import', '--format', 'd'), formats)
  assert.deepEqual(offered('account', 'import', '--format', '=', 'd'), formats)
  assert.deepEqual(offered('account', 'export', '--format', '='), ['jsonl', 'csv'])
  assert.deepEqual(offered('check', '--config', 'm'), ['my accounts.csv'])
  assert.deepEqual(offered('check', '-c', 'm'), ['my accounts.csv'])
  assert.deepEqual(offered('check', '--config', '=', 'm'), ['my accounts.csv'])
  assert.deepEqual(offered('account', 'list', '--domain', 'm'), [])
})

test('arguments, wherever the options are', () => {
  assert.deepEqual(offered('account', 'import', '--format', 'csv', 'm'), ['my accounts.csv'])
  assert.deepEqual(offered('account', 'import', 'x.csv', 'm'), [])
  assert.deepEqual(offered('account', 'set', 'alice@example.org', '--kick', '--uns'), ['--unset'])
  assert.deepEqual(offered('account', 'show', 'm'), [])
  assert.deepEqual(offered('log-level', '-c', '=', 'x', 'w'), ['warn'])
  assert.deepEqual(offered('acc', 'm'), [])
  assert.deepEqual(offered('app-'), ['app-password'])
})

test('a value that is called like a command is none', () => {
  assert.deepEqual(offered('account', 'list', '--domain', 'import', '--f'), [])
  assert.deepEqual(offered('lookup', 'account', '--js'), ['--json'])
})

test('files, as bash-completion finds them where it is', () => {
  const script = `source ./bearerd; _filedir() { COMPREPLY=("from _filedir: $cur"); }
    COMP_WORDS=(bearerd check --config /e) COMP_CWORD=3; _bearerd; echo "\${COMPREPLY[0]}"`
  const { stdout } = spawnSync('bash', ['--norc', '-c', script], { cwd: folder, encoding: 'utf8' })
  assert.equal(stdout, 'from _filedir: /e\n')
})

test('zsh can read its script', { skip: !existsSync('/bin/zsh') && 'no zsh here' }, () => {
  const { stderr, status } = spawnSync('zsh', ['-f', '-n', join(folder, '_bearerd')], { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.equal(status, 0)
})

test('zsh offers every option, with its description', () => {
  const script = zshCompletion(program)
  for (const { path, options } of allCommands(program)) {
    const [, body = ''] =
      new RegExp(`^${['_bearerd', ...path].join('_')}\\(\\) \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(script) ?? []
    for (const { flags, description } of options) {
      for (const flag of flags) assert.ok(body.includes(flag), `${path.join(' ')} ${flag}`)
      assert.ok(body.includes(description.slice(0, 10).replaceAll("'", "'\\''")), description)
    }
  }
})
