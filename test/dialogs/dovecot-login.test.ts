/** dovecot-login.txt: logins across the sockets, with the real decision and a scripted provider. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { createAuthenticate } from '../../src/auth/authenticate.ts'
import { createRouting } from '../../src/auth/routing.ts'
import { createTokenSource } from '../../src/auth/token.ts'
import type { ListenerConfig } from '../../src/config/config.ts'
import { createAuthDialect } from '../../src/dovecot/auth-session.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { createMasterDialect } from '../../src/dovecot/master-session.ts'
import type { TokenVerdict } from '../../src/oidc/token-verdict.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { account, indexOf } from '../support/accounts.ts'
import { stopClock } from '../support/clock.ts'
import { type Dialog, readDialogs, runDialog } from '../support/dialog.ts'
import { directory } from '../support/directory.ts'
import { active, ofUserinfo, refused, unavailable } from '../support/evidence.ts'
import { createRecorder } from '../support/log.ts'
import { connect, type Peer } from '../support/wire.ts'

const alice = account({ address: 'alice@example.org', aliases: ['a.jones@example.org'] })
const others = [
  account({ address: 'bob@example.org', enabled: false }),
  account({ address: 'long@example.org', userdb: { mail_path: `/srv/${'x'.repeat(9000)}` } }),
]

const handshakes: Record<string, string> = {
  'imap-login': 'VERSION\t1\t2\nCPID\t987\n',
  'pop3-login': 'VERSION\t1\t2\nCPID\t988\n',
  smtpd: 'VERSION\t1\t0\nCPID\t987\n',
  imap: 'VERSION\t1\t1\n',
}

/** A provider that knows the tokens of dovecot-login.txt. */
function createProvider() {
  let answerSlow: () => void = () => assert.fail('nobody asked about the token "slow"')
  const tokenOf = (owner: string): TokenVerdict => active(ofUserinfo({ email: `${owner}@example.org` }))
  return {
    openidConfiguration: undefined,
    close: async () => {},
    answers: () => answerSlow(),
    lookup: async (token: string): Promise<TokenVerdict> => {
      if (token === 'down') return unavailable
      if (token === 'nobody') return refused
      if (token !== 'slow') return tokenOf(token)
      return new Promise(resolve => {
        answerSlow = () => resolve(tokenOf('alice'))
      })
    },
  }
}

function run(t: TestContext, dialog: Dialog): Promise<void> {
  stopClock(t)
  const log = createRecorder()
  const logins = createLogins()
  const provider = createProvider()
  const cookies = new Map<string, string>()
  let accounts: AccountIndex | undefined = indexOf([alice, ...others])

  const config = directory()
  const cache = { ttlMs: 60_000, negativeTtlMs: 5000, maxTokens: 100 }
  const tokens = createTokenSource(provider, cache)
  const openidConfiguration = 'https://idp.example/.well-known/openid-configuration'
  const authenticate = createAuthenticate({
    directories: new Map([['main', { config, tokens, openidConfiguration }]]),
    routing: createRouting([config]),
    accounts: { current: () => accounts, create: () => Promise.reject(new Error('not here')) },
    newcomers: { unknown: 'reject', create: { domains: [], perHour: 1 } },
    passwords: undefined,
    log,
  })

  function open(name: string): Peer {
    const protocol = name === 'smtpd' ? 'postfix-sasl' : 'dovecot-auth'
    const listener: ListenerConfig = {
      name,
      protocol,
      path: '/auth',
      mode: 0o660,
      group: undefined,
      xoauth2Challenge: 'auto',
    }
    const own = { log, spid: 4711 }
    const peer =
      name === 'imap'
        ? connect(
            createMasterDialect({ ...own, listener: name, accounts: () => accounts, logins, flush: tokens.flush }),
          )
        : connect(createAuthDialect({ ...own, listener, mechanisms, tokenBytes: 9000, authenticate, logins }))
    peer.write(handshakes[name] ?? assert.fail(`no handshake for ${name}`))
    cookies.set(name, /COOKIE\t(.*)/.exec(peer.read())?.[1] ?? '')
    return peer
  }

  return runDialog(dialog, {
    connect: open,
    encode: frame =>
      `${frame.replace(/\{cookie (.*?)\}/, (_, name: string) => cookies.get(name) ?? '').replace(/\{cut (.*?)\}/, cut)}\n`,
    instruct: words => {
      const [subject, what] = words
      if (subject === 'provider') provider.answers()
      else if (subject === 'logged') assert.equal(log.lines.findLast(({ event }) => event === 'login')?.reason, what)
      else if (what === 'unavailable') accounts = undefined
      else accounts = indexOf([{ ...alice, enabled: false }, ...others])
    },
  })
}

/** What smtpd passes on of `AUTH <mechanism> <message with a long token>` (line_length_limit). */
function cut(_: string, mechanism: string): string {
  const start = mechanism === 'XOAUTH2' ? 'user=alice@example.org' : 'n,a=alice@example.org,'
  const message = `${start}\x01auth=Bearer ${'A'.repeat(2000)}\x01\x01`
  return Buffer.from(message)
    .toString('base64')
    .slice(0, 2048 - `AUTH ${mechanism} `.length)
}

describe('a login, from socket to socket', () => {
  for (const dialog of readDialogs(new URL('dovecot-login.txt', import.meta.url))) it(dialog.name, t => run(t, dialog))
})
