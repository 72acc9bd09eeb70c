/**
 * Scenes: what the demo tries, and what must come of it. Logins go through bearerd's own client (src/cli/auth-client.ts),
 * lookups are asked as Postfix and Dovecot ask them.
 */
import { join } from 'node:path'
import { type AuthClient, connectAuth, type Login, type LoginOutcome } from '../../src/cli/auth-client.ts'
import { askMaster, askPolicy, askSocketmap } from '../support/lookups.ts'
import type { TestProvider } from '../support/provider.ts'
import type { Report } from './report.ts'

type Tokens = Readonly<Record<'alice' | 'bob' | 'carol' | 'frank', string>>

export type Stage = {
  readonly folder: string
  readonly provider: TestProvider
  readonly tokens: Tokens
  readonly report: Report
}

/** As if they had signed in, with a mail client, at the provider. */
export async function getTokens(provider: TestProvider): Promise<Tokens> {
  return {
    alice: await provider.token('alice@example.org'),
    bob: await provider.token('bob@example.org'),
    carol: await provider.token('carol@example.net', { claims: { email: undefined, email_verified: undefined } }),
    frank: await provider.token('frank@example.org'),
  }
}

const dovecot = { socket: 'auth-client', service: 'imap', parameters: ['secured=tls'] }
const postfix = { socket: 'sasl', service: 'smtp', parameters: ['nologin'] }

type Server = typeof dovecot
type Attempt = Pick<Login, 'mechanism' | 'user' | 'token'>

/** One login, on a connection of its own. `afterwards` runs while that is open. */
async function login(
  { folder }: Stage,
  { socket, ...how }: Server,
  attempt: Attempt,
  afterwards: (client: AuthClient) => Promise<unknown> = async () => {},
): Promise<string> {
  const client = await connectAuth(join(folder, socket))
  const outcome = await client.login({ ...attempt, ...how })
  if (outcome.kind === 'accepted') await afterwards(client)
  client.close()
  return describe(outcome)
}

/** As it was on the wire. */
function describe(outcome: LoginOutcome): string {
  switch (outcome.kind) {
    case 'accepted':
      return `OK user=${outcome.user}`
    case 'lost':
      return outcome.why
    case 'refused': {
      const { code, challenge } = outcome
      return `${challenge === undefined ? '' : `${challenge}, `}FAIL${code === undefined ? '' : ` code=${code}`}`
    }
  }
}

export async function showLogins(stage: Stage): Promise<void> {
  const { folder, report, tokens } = stage
  const alice = { user: 'alice@example.org', token: tokens.alice }
  const carol = { user: 'carol@example.net', token: tokens.carol }
  report.heading('Logins')

  let redeemed = 'not redeemed'
  await report.expect('Dovecot, OAUTHBEARER, userinfo: alice', 'OK user=alice@example.org', () =>
    login(stage, dovecot, { mechanism: 'OAUTHBEARER', ...alice }, async ({ cookie }) => {
      // Its imap process: pid of the login process, number of the login, cookie of the connection.
      const request = `REQUEST\t7\t${process.pid}\t1\t${cookie}\tsession_pid=${process.pid}`
      redeemed = await askMaster(join(folder, 'auth-master'), request)
    }),
  )
  await report.expect(
    '… whose session is then handed to imap (REQUEST)',
    'USER alice@example.org uid=5000 gid=5000 home=/var/vmail/example.org/alice …',
    async () => spaced(redeemed).replace(/ quota_.*/, ' …'),
  )
  await report.expect('Dovecot, XOAUTH2, introspection: carol', 'OK user=carol@example.net', () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', ...carol }),
  )
  await report.expect('Postfix, OAUTHBEARER, introspection: carol', 'OK user=carol@example.net', () =>
    login(stage, postfix, { mechanism: 'OAUTHBEARER', ...carol }),
  )
  await report.expect('Postfix, XOAUTH2, userinfo: alice, by an alias', 'OK user=alice@example.org', () =>
    login(stage, postfix, { mechanism: 'XOAUTH2', ...alice, user: 'a.jones@example.org' }),
  )
}

export async function showRefused(stage: Stage): Promise<void> {
  const { provider, report, tokens } = stage
  const challenge = JSON.stringify({
    status: 'invalid_token',
    scope: 'openid email',
    'openid-configuration': `${provider.issuer}/.well-known/openid-configuration`,
  })
  const stranger = { mechanism: 'OAUTHBEARER', user: 'alice@example.org', token: 'issued-by-nobody' } as const
  report.heading('Refused')

  await report.expect('Dovecot: a token that the provider never issued', `${challenge}, FAIL`, () =>
    login(stage, dovecot, stranger),
  )
  await report.expect('Postfix: the same', `${challenge}, FAIL`, () => login(stage, postfix, stranger))
  await report.expect("Dovecot: bob's token for alice's mailbox", 'FAIL code=authz_fail', () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: 'alice@example.org', token: tokens.bob }),
  )
  await report.expect('Dovecot: frank, whose account is disabled', 'FAIL code=user_disabled', () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: 'frank@example.org', token: tokens.frank }),
  )
  await report.expect('Dovecot: a good token of another application', 'FAIL', async () => {
    const token = await provider.token('carol@example.net', { client: 'other-client' })
    return login(stage, dovecot, { mechanism: 'XOAUTH2', user: 'carol@example.net', token })
  })
}

export async function showDown(stage: Stage): Promise<void> {
  const { provider, report, tokens } = stage
  // Not seen before by bearerd, so that the provider must be asked.
  const bob = async () =>
    ({ mechanism: 'XOAUTH2', user: 'bob@example.org', token: await provider.token('bob@example.org') }) as const
  report.heading('The provider is down')
  await provider.down()

  await report.expect('Dovecot: bob, who is told [UNAVAILABLE]', 'FAIL code=temp_fail', async () =>
    login(stage, dovecot, await bob()),
  )
  await report.expect('Postfix: bob, who is told 454', 'the server closed the connection', async () =>
    login(stage, postfix, await bob()),
  )
  await report.expect('Dovecot: alice, whose token was seen a moment ago', 'OK user=alice@example.org', () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: 'alice@example.org', token: tokens.alice }),
  )
  await provider.up()
  await report.expect('Dovecot: bob, with the provider up again', 'OK user=bob@example.org', async () =>
    login(stage, dovecot, await bob()),
  )
}

export async function showRecipients({ folder, report }: Stage): Promise<void> {
  const map = (name: string, key: string) => () => askSocketmap(join(folder, 'map'), name, key)
  const policy = (recipient: string) => () => askPolicy(join(folder, 'policy'), recipient)
  const user = (name: string) => async () =>
    spaced(await askMaster(join(folder, 'auth-master'), `USER\t7\t${name}\tservice=lmtp`))
  report.heading('Recipients')

  await report.expect(
    'Postfix, mailbox map: dora, who never signed in',
    'OK dora@example.org',
    map('mailbox', 'dora@example.org'),
  )
  await report.expect(
    'Dovecot LMTP: dora',
    'USER dora@example.org uid=5000 gid=5000 home=/var/vmail/example.org/dora',
    user('dora@example.org'),
  )
  await report.expect('Postfix, alias map: a.jones', 'OK alice@example.org', map('alias', 'a.jones@example.org'))
  await report.expect(
    'Postfix, mailbox map: alice+news',
    'OK alice@example.org',
    map('mailbox', 'alice+news@example.org'),
  )
  await report.expect('Postfix, sender login map: info', 'OK alice@example.org', map('login', 'info@example.org'))
  await report.expect('Postfix, mailbox map: nobody', 'NOTFOUND ', map('mailbox', 'nobody@example.org'))
  await report.expect('Postfix, policy service: dora', 'DUNNO', policy('dora@example.org'))
  await report.expect('Postfix, policy service: nobody', '550 5.1.1 User unknown', policy('nobody@example.org'))
  await report.expect('Dovecot LMTP: nobody', 'NOTFOUND', user('nobody@example.org'))
}

/** A line of Dovecot's protocol without its id, blanks for TABs. */
function spaced(line: string): string {
  return line.replace(/\t7/, '').replaceAll('\t', ' ')
}
