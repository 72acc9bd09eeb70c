/** What --help says of every command: an example that is one, and nothing about flags that aren't given. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { Command } from 'commander'
import { allCommands, type CommandEntry, helpOf, readProgram } from '../../packaging/commands.ts'
import { createProgram } from '../../src/cli/cli.ts'

const program = readProgram()
const commands = allCommands(program)

for (const entry of commands)
  test(`bearerd ${[...entry.path, '--help'].join(' ')}`, () => {
    const help = helpOf(find(entry.path))
    assert.match(help, /\nExample:\n {2}bearerd /)
    assert.doesNotMatch(help, /default:\s+false/)
    assert.notEqual(entry.description, '')
    for (const { description, flags } of entry.options) assert.notEqual(description, '', flags.join())
  })

for (const { path, example } of commands)
  test(`the example of "${['bearerd', ...path].join(' ')}" is one of it, with options that exist`, () => {
    const calls = example.flatMap(line => line.split(' && ')).filter(call => call.startsWith('bearerd '))
    assert.ok(calls.some(call => `${call} `.startsWith(`${['bearerd', ...path].join(' ')} `)))
    for (const call of calls) {
      const words = call.replace(/"[^"]*"/g, 'TEXT').split(' ')
      const called = deepest(words.slice(1))
      const known = called.options.flatMap(({ flags }) => flags)
      for (const word of words.filter(other => /^--?[a-z]/.test(other)))
        assert.ok(known.includes(word), `${word} is no option of bearerd ${called.path.join(' ')}`)
    }
  })

test('as the program itself prints it', () => {
  const args = ['--import', 'tsx', 'src/main.ts', 'account', 'import', '--help']
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0)
  assert.match(
    stdout,
    /^Usage: bearerd account import .*\n[\s\S]*--dry-run[\s\S]*\nExample:\n {2}bearerd account import /,
  )
})

function find(path: readonly string[]): Command {
  return path.reduce<Command>(
    (command, name) => command.commands.find(child => child.name() === name) ?? assert.fail(name),
    createProgram(() => {}),
  )
}

/** The command that these words call. */
function deepest(words: readonly string[], entry: CommandEntry = program): CommandEntry {
  const child = entry.commands.find(({ path }) => path.at(-1) === words[0])
  return child === undefined ? entry : deepest(words.slice(1), child)
}
