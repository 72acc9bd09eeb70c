/** Bindings as the commands have them: rebind, and what becomes of them in show, rename and remove. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { type BindingLine, formatBinding } from '../../src/accounts/binding.ts'
import { readBindings } from '../../src/accounts/binding-file.ts'
import { configuration, createSite, now } from '../support/account-commands.ts'
import { bound, unbound } from '../support/bindings.ts'

const binding = `${configuration}bind = "first-login"\n`
const accounts = [
  { address: 'alice@example.org', aliases: ['a.jones@example.org'], created: '2026-01-01T00:00:00Z' },
  { address: 'bob@example.org' },
  { address: 'carol@example.org', subject: 's-carol' },
]
const files = {
  'bearerd.toml': binding,
  'accounts.toml': '[[account]]\naddress = "root@example.org"\n',
  'accounts.jsonl': accounts.map(account => `${JSON.stringify(account)}\n`).join(''),
}

const text = (...lines: BindingLine[]): string => lines.map(line => `${formatBinding(line)}\n`).join('')

function openSite(t: TestContext, lines: BindingLine[], given: Record<string, string> = files) {
  const site = createSite(t, given)
  const file = site.path('state/bindings.jsonl')
  if (lines.length > 0) writeFileSync(file, text(...lines))
  return {
    ...site,
    bindings: () => site.read('state/bindings.jsonl'),
    /** What a running bearerd goes by. */
    subjectOf: async (address: string) =>
      (await readBindings(file)).table.subjectOf({ address: `${address}@example.org`, created: undefined }, 'main'),
  }
}

const s1 = bound('alice', 's1')
const rebind = ['rebind', 'alice@example.org', '--yes']

test('rebind: the account is unbound, and the next login binds it', async t => {
  const site = openSite(t, [s1, bound('bob', 's2')])
  assert.deepEqual(await site.run([...rebind, '--kick']), {
    code: 0,
    output:
      'alice@example.org is bound to s1 of main, since 2026-01-31 12:00 UTC; ' +
      'unbound now: with bind = "first-login" the next login binds it\n',
    error: '',
  })
  assert.equal(site.bindings(), text(s1, bound('bob', 's2'), unbound('alice')))
  assert.deepEqual(site.events, ['pause 2000', 'kick alice@example.org'])
})

test('rebind: to somebody at once; from another directory too', async t => {
  const site = openSite(t, [s1, bound('alice', 's9', 'former')])
  const { code, output } = await site.run([...rebind, '--subject', 's2'])
  assert.equal(code, 0)
  assert.match(output, /is bound to s1 of main, since .*, s9 of former, since .*; bound to s2 now\n$/)
  assert.equal(await site.subjectOf('alice'), 's2')
  await site.run(rebind)
  assert.equal((await readBindings(site.path('state/bindings.jsonl'))).table.of('alice@example.org').length, 0)
})

test('rebind: who is not bound stays so, in any file, and nothing is written for nothing', async t => {
  const site = openSite(t, [])
  for (const address of ['alice@example.org', 'root@example.org']) {
    const { code, output } = await site.run(['rebind', address, '--yes'])
    assert.equal(code, 0)
    assert.match(output, /is not bound; unbound now/)
  }
  assert.throws(() => site.bindings(), { code: 'ENOENT' })
  assert.equal((await site.run(['rebind', 'root@example.org', '--yes', '--subject', 's7'])).code, 0)
  assert.equal(await site.subjectOf('root'), 's7')
})

test('rebind: a binding from before the account is none', async t => {
  const site = openSite(t, [bound('alice', 's1', 'main', 0)])
  assert.match((await site.run(rebind)).output, /^alice@example\.org is not bound/)
})

test('rebind: asks first; a dry run writes nothing', async t => {
  const site = openSite(t, [s1])
  const args = ['rebind', 'alice@example.org']
  assert.deepEqual(await site.run(args), { code: 64, output: '', error: 'bearerd: no terminal to ask at; add --yes\n' })
  const no = await site.run(args, { text: 'n\n', terminal: true })
  assert.equal(no.code, 1)
  assert.match(no.error, /^alice@example\.org is bound to s1 of main, since .* UTC\. Unbind it\? \[y\/N\] /)
  assert.match((await site.run([...rebind, '--dry-run', '--kick'])).output, /\ndry run: nothing was written\n$/)
  assert.deepEqual([site.bindings(), site.events], [text(s1), []])
  assert.equal((await site.run(args, { text: 'y\n', terminal: true })).code, 0)
  assert.equal(await site.subjectOf('alice'), undefined)
})

test('rebind: what it says no to', async t => {
  const site = openSite(t, [s1])
  const set = '"bearerd account set carol@example.org --subject SUB"'
  for (const [args, code, message] of [
    [['eve@example.org'], 1, 'no account has the address eve@example.org'],
    [['a.jones@example.org'], 1, 'a.jones@example.org is an alias of alice@example.org; give that address'],
    [
      ['carol@example.org'],
      1,
      `carol@example.org has a subject in the account file, and is not bound otherwise; ${set} changes it`,
    ],
    [['bob@example.org', '--subject', 's1'], 1, 'alice@example.org is bound to this subject; rebind it first'],
    [['bob@example.org', '--subject', 's-carol'], 1, 'carol@example.org has this subject in the account file'],
    [
      ['bob@example.org', '--subject', 'a\nb'],
      64,
      '--subject: expected a text without control characters, of 1024 characters at most',
    ],
    [['bob'], 64, '"bob" is not an address such as alice@example.org'],
  ] as const)
    assert.deepEqual(await site.run(['rebind', ...args, '--yes']), { code, output: '', error: `bearerd: ${message}\n` })
  assert.equal(site.bindings(), text(s1))
})

test('rebind --subject: a binding that does not count keeps nobody from it', async t => {
  const site = openSite(t, [bound('carol', 's5'), bound('gone', 's5'), bound('alice', 's5', 'main', 0)])
  assert.equal((await site.run(['rebind', 'bob@example.org', '--yes', '--subject', 's5'])).code, 0)
  assert.equal(await site.subjectOf('bob'), 's5')
})

test('rebind --subject: not where the directory looks at no bindings', async t => {
  const site = openSite(t, [s1], { ...files, 'bearerd.toml': configuration })
  const { code, error } = await site.run([...rebind, '--subject', 's2'])
  assert.equal(code, 1)
  assert.match(error, /the directory of alice@example\.org has no bind = "first-login", and looks at no bindings; /)
  assert.equal((await site.run(rebind)).code, 0, 'unbinding is fine')
})

test('rebind: with a file that can not be read nothing is changed', async t => {
  const site = openSite(t, [])
  mkdirSync(site.path('state/bindings.jsonl'))
  const { code, error } = await site.run(rebind)
  assert.equal(code, 78)
  assert.equal(error, 'state/bindings.jsonl: error: not a regular file\n')
})

test('show: to whom an account is bound, and since when', async t => {
  const site = openSite(t, [s1])
  const { output } = await site.run(['show', 'alice@example.org'])
  assert.match(output, /\n {2}bound to +s1 of main, since 2026-01-31 12:00 UTC\n/)
  const { bindings } = JSON.parse((await site.run(['show', 'alice@example.org', '--json'])).output)
  assert.deepEqual(bindings, [{ directory: 'main', subject: 's1', bound: now }])
  assert.doesNotMatch((await site.run(['show', 'bob@example.org'])).output, /bound/)
})

const rename = ['rename', 'alice@example.org', 'alice.smith@example.org']

test('rename: the account stays bound, the old address is free; a running bearerd reads each step in time', async t => {
  const site = openSite(t, [s1, bound('bob', 's2')])
  const { code, output } = await site.run(rename)
  assert.equal(code, 0)
  assert.match(output, /\nbound to the same user at the provider as before\n$/)
  assert.equal(site.bindings(), text(s1, bound('bob', 's2'), bound('alice.smith', 's1'), unbound('alice')))
  assert.deepEqual(site.events, ['pause 1000', 'pause 2000'])
})

test('rename: who was bound under the new address before is not her', async t => {
  const site = openSite(t, [bound('alice.smith', 'former', 'main', Date.parse(now) + 1), bound('bob', 's2')])
  assert.equal((await site.run(rename)).code, 0)
  assert.equal(await site.subjectOf('alice.smith'), undefined)
  assert.equal(await site.subjectOf('bob'), 's2')
})

test('rename: once more after a crash between the bindings and the account', async t => {
  const site = openSite(t, [s1, bound('alice.smith', 's1')])
  assert.equal((await site.run(rename)).code, 0)
  assert.equal(site.bindings(), text(s1, bound('alice.smith', 's1'), unbound('alice')))
})

test('rename: nothing is renamed while the bindings can not be read', async t => {
  const site = openSite(t, [])
  mkdirSync(site.path('state/bindings.jsonl'))
  const { code, error } = await site.run(rename)
  assert.equal(code, 78)
  assert.match(error, /bindings\.jsonl: not a regular file; nothing was changed\n$/)
  assert.equal(site.read('accounts.jsonl'), files['accounts.jsonl'])
})

test('remove: unbinds, so that the address is free for somebody new', async t => {
  const site = openSite(t, [s1])
  const { code, output } = await site.run(['remove', 'alice@example.org', '--yes'])
  assert.equal(code, 0)
  assert.match(output, /^alice@example\.org unbound from its user at the provider\n/)
  assert.equal(site.bindings(), text(s1, unbound('alice')))
})

test('remove: goes on where the bindings can not be read, with a warning', async t => {
  const site = openSite(t, [])
  mkdirSync(site.path('state/bindings.jsonl'))
  const { code, error } = await site.run(['remove', 'alice@example.org', '--yes'])
  assert.equal(code, 0)
  assert.match(error, /^warning: alice@example\.org stays bound to its user at the provider: .*not a regular file/)
  rmSync(site.path('state'), { recursive: true })
  assert.equal(
    (await site.run(['remove', 'bob@example.org', '--yes'])).code,
    0,
    'nor is there need of a state directory',
  )
  mkdirSync(site.path('state'))
})
