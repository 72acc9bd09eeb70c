/** What --help says: an example for every command, and nothing about flags that aren't given. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

for (const command of ['', 'account', 'account import', 'app-password import', 'auth-test', 'doctor'])
  test(`bearerd ${command} --help`, () => {
    const args = ['--import', 'tsx', 'src/main.ts', ...command.split(' ').filter(word => word !== ''), '--help']
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(status, 0)
    assert.match(stdout, /\nExample:\n {2}bearerd /)
    assert.doesNotMatch(stdout, /default:\s+false/)
  })
