/** dovecot-auth.txt and postfix-sasl.txt: the auth-client protocol, as Dovecot and as Postfix speak it. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { LoginRequest } from '../../src/auth/verdict.ts'
import type { ListenerConfig } from '../../src/config/config.ts'
import { createAuthDialect } from '../../src/dovecot/auth-session.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { stopClock } from '../support/clock.ts'
import { type Dialog, readDialogs, runDialog } from '../support/dialog.ts'
import { createRecorder } from '../support/log.ts'
import { createScript } from '../support/script.ts'
import { connect, type Peer } from '../support/wire.ts'

const cpid = 77

function run(t: TestContext, dialog: Dialog, protocol: 'dovecot-auth' | 'postfix-sasl'): Promise<void> {
  const clock = stopClock(t)
  const script = createScript()
  const logins = createLogins()
  let xoauth2Challenge: ListenerConfig['xoauth2Challenge'] = 'auto'
  let cookie = ''
  let newest: Peer | undefined

  const open = (): Peer => {
    const listener = { name: 'auth', protocol, path: '/auth', mode: 0o660, group: undefined, xoauth2Challenge }
    const { authenticate } = script
    const log = createRecorder()
    newest = connect(
      createAuthDialect({ listener, mechanisms, tokenBytes: 9000, authenticate, logins, spid: 4711, log }),
    )
    return newest
  }

  /** A connection whose handshake is over, as almost every dialog wants it. */
  const openGreeted = (): Peer => {
    const peer = open()
    peer.write(protocol === 'postfix-sasl' ? `VERSION\t1\t0\nCPID\t${cpid}\n` : `VERSION\t1\t2\nCPID\t${cpid}\n`)
    cookie = /COOKIE\t(.*)/.exec(peer.read())?.[1] ?? ''
    return peer
  }

  return runDialog(dialog, {
    connect: name => (name === 'new' ? open() : openGreeted()),
    instruct: ([verb = '', ...words]) => {
      if (verb === 'wait') clock.pass(Number(words[0]))
      else if (verb === 'answer') script.answer(words[0] ?? '')
      else if (verb === 'asked') checkAsked(script.asked.at(-1), words)
      else if (verb === 'challenge') xoauth2Challenge = words[0] === 'always' ? 'always' : 'never'
      else if (verb === 'redeem') {
        const login = logins.redeem(cpid, Number(words[0]), Buffer.from(cookie, 'hex'))
        assert.equal(login === undefined ? 'nothing' : `${login.address} ${login.mechanism}`, words.slice(1).join(' '))
      }
    },
  })
}

/** `key=value` as in a LoginRequest and its credentials; percent-encoded where it needs to be. */
function checkAsked(login: LoginRequest | undefined, words: readonly string[]): void {
  const known: Record<string, unknown> = { ...login, ...login?.credentials }
  for (const word of words) {
    const [key = '', value = ''] = word.split(/=(.*)/s)
    assert.equal(String(known[key]), decodeURIComponent(value), key)
  }
}

for (const protocol of ['dovecot-auth', 'postfix-sasl'] as const)
  describe(protocol, () => {
    for (const dialog of readDialogs(new URL(`${protocol}.txt`, import.meta.url)))
      it(dialog.name, t => run(t, dialog, protocol))
  })
