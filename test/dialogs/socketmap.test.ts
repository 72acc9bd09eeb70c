/** socketmap.txt, and queries recorded from Postfix (test/fixtures/socketmap-queries.txt). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { netstrings } from '../../src/net/framing.ts'
import { createSocketmapDialect } from '../../src/postfix/socketmap-session.ts'
import { account, indexOf } from '../support/accounts.ts'
import { type Dialog, readDialogs, runDialog } from '../support/dialog.ts'
import { createRecorder } from '../support/log.ts'
import { connect } from '../support/wire.ts'

const team = { sendAs: ['team@example.org'] }
const example = indexOf([
  account({ address: 'alice@example.org', aliases: ['a.jones@example.org', '@example.net'], ...team }),
  account({ address: 'bob@example.org', enabled: false, ...team }),
  account({ address: 'carol@example.org', enabled: false, receives: true }),
  account({ address: 'dave@example.net' }),
  account({ address: 'erin@example.net', enabled: false }),
  account({ address: 'jürgen@example.org' }),
  account({ address: 'kate@xn--bcher-kva.example' }),
])
const recorded = indexOf([
  account({ address: 'alice@example.com', aliases: ['info@example.com'], sendAs: ['shared@example.com'] }),
  account({ address: 'bob@example.com', sendAs: ['shared@example.com'] }),
])

function decode(sent: string): string[] {
  const framer = netstrings({ maxBytes: 100_000 })
  const payloads = framer.push(Buffer.from(sent))
  assert.equal(framer.buffered(), 0, 'half a netstring was sent')
  return payloads
}

function run(dialog: Dialog, loaded: AccountIndex): Promise<void> {
  let current: AccountIndex | undefined = loaded
  const dialect = createSocketmapDialect({ listener: 'maps', accounts: () => current, log: createRecorder() })
  return runDialog(dialog, {
    connect: () => connect(dialect),
    encode: payload => `${Buffer.byteLength(payload)}:${payload},`,
    decode,
    instruct: ([, state]) => {
      current = state === 'loaded' ? loaded : undefined
    },
  })
}

describe('socketmap', () => {
  for (const dialog of readDialogs(new URL('socketmap.txt', import.meta.url)))
    it(dialog.name, () => run(dialog, example))
})

describe('socketmap, as Postfix asked', () => {
  for (const dialog of readDialogs(new URL('../fixtures/socketmap-queries.txt', import.meta.url)))
    it(dialog.name, () => run(dialog, recorded))
})
