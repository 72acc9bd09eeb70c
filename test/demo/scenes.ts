/**
 * Scenes: what the demo tries, and what must come of it. Logins go through bearerd's own client (src/cli/auth-client.ts),
 * lookups are asked as Postfix and Dovecot ask them.
 */
import { join } from 'node:path'
import { type AuthClient, connectAuth, type Login, type LoginOutcome } from '../../src/cli/auth-client.ts'
import { askMaster, askPolicy, askSocketmap } from '../support/lookups.ts'
import type { TestProvider, TokenOptions } from '../support/provider.ts'
import type { Report } from './report.ts'

export type Stage = {
  /** Where the sockets are. */
  readonly folder: string
  readonly provider: TestProvider
  readonly report: Report
  /** Runs `bearerd …` until it has ended, and the daemon has logged `event` of what that changed. */
  change(event: string, ...args: readonly string[]): Promise<string>
  /** The reason code that `bearerd explain-token` comes to. */
  explain(user: string, token: string): Promise<string>
}

const alice = 'alice@example.org'
const bob = 'bob@example.org'
const carol = 'carol@example.net'
const frank = 'frank@example.org'

/** A new token, as if she had just signed in at the provider. It tells no email address of carol. */
export function signIn(
  { provider }: Pick<Stage, 'provider'>,
  who: string,
  options: TokenOptions = {},
): Promise<string> {
  const claims = who === carol ? { email: undefined, email_verified: undefined } : {}
  return provider.token(who, { claims, ...options })
}

type MailServer = Pick<Login, 'service' | 'parameters'> & { readonly socket: string }
const dovecot: MailServer = { socket: 'auth-client', service: 'imap', parameters: ['secured=tls'] }
const postfix: MailServer = { socket: 'sasl', service: 'smtp', parameters: ['nologin'] }

/** One login, on a connection of its own. `accepted` runs while that is open. */
async function login(
  { folder }: Stage,
  { socket, ...server }: MailServer,
  attempt: Pick<Login, 'mechanism' | 'user' | 'token'>,
  accepted: (client: AuthClient) => Promise<void> = async () => {},
): Promise<string> {
  const client = await connectAuth(join(folder, socket))
  const outcome = await client.login({ ...server, ...attempt })
  if (outcome.kind === 'accepted') await accepted(client)
  client.close()
  return describe(outcome)
}

/** As it was on the wire, nearly. */
function describe(outcome: LoginOutcome): string {
  if (outcome.kind === 'accepted') return `OK user=${outcome.user}`
  if (outcome.kind === 'lost') return outcome.why
  const { code, challenge } = outcome
  if (challenge !== undefined) return `FAIL, after the client was told\n${challenge}`
  return code === undefined ? 'FAIL' : `FAIL code=${code}`
}

export async function showLogins(stage: Stage): Promise<void> {
  const { folder, report } = stage
  report.heading('Logins')

  let entry = 'not asked for'
  await report.expect('Dovecot, OAUTHBEARER, userinfo: alice', `OK user=${alice}`, async () =>
    login(
      stage,
      dovecot,
      { mechanism: 'OAUTHBEARER', user: alice, token: await signIn(stage, alice) },
      async ({ cookie }) => {
        // As imap does: the pid of the login process, the number of the login, the cookie of the connection.
        const request = `REQUEST\t7\t${process.pid}\t1\t${cookie}\tsession_pid=${process.pid}`
        entry = userAndHome(await askMaster(join(folder, 'auth-master'), request))
      },
    ),
  )
  await report.expect(
    '… handed over to the imap process (REQUEST)',
    `USER ${alice} home=/var/vmail/example.org/alice`,
    async () => entry,
  )
  await report.expect('Dovecot, XOAUTH2, introspection: carol', `OK user=${carol}`, async () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: carol, token: await signIn(stage, carol) }),
  )
  await report.expect('Dovecot, OAUTHBEARER, JWT, by its key: carol', `OK user=${carol}`, async () =>
    login(stage, dovecot, { mechanism: 'OAUTHBEARER', user: carol, token: await stage.provider.accessJwt(carol) }),
  )
  await report.expect('Postfix, OAUTHBEARER, introspection: carol', `OK user=${carol}`, async () =>
    login(stage, postfix, { mechanism: 'OAUTHBEARER', user: carol, token: await signIn(stage, carol) }),
  )
  await report.expect('Postfix, XOAUTH2, userinfo: alice, by an alias', `OK user=${alice}`, async () =>
    login(stage, postfix, { mechanism: 'XOAUTH2', user: 'a.jones@example.org', token: await signIn(stage, alice) }),
  )
}

export async function showRefused(stage: Stage): Promise<void> {
  const { provider, report } = stage
  const told = JSON.stringify({
    status: 'invalid_token',
    scope: 'openid email',
    'openid-configuration': `${provider.issuer}/.well-known/openid-configuration`,
  })
  const forged = (token: string) => ({ mechanism: 'OAUTHBEARER', user: alice, token }) as const
  report.heading('Logins that are refused')

  await report.expect('Dovecot: a forged token', `FAIL, after the client was told\n${told}`, () =>
    login(stage, dovecot, forged('forged')),
  )
  await report.expect('Postfix: another one', 'FAIL, after the client was told the same', async () =>
    (await login(stage, postfix, forged('forged.too'))).replace(`\n${told}`, ' the same'),
  )
  await report.expect("Dovecot: bob's token for alice's mailbox", 'FAIL code=authz_fail', async () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: alice, token: await signIn(stage, bob) }),
  )
  await report.expect("Dovecot: carol's token of another application", 'FAIL', async () => {
    const token = await signIn(stage, carol, { client: 'other-client' })
    return login(stage, dovecot, { mechanism: 'XOAUTH2', user: carol, token })
  })
  await report.expect('Dovecot: frank, whose account is disabled', 'FAIL code=user_disabled', async () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: frank, token: await signIn(stage, frank) }),
  )
}

/** What the log says, and more of it. */
export async function showExplained(stage: Stage): Promise<void> {
  const { explain, provider, report } = stage
  report.heading('Why it is refused: bearerd explain-token')

  await report.expect("bob's token for alice's mailbox", 'authz_fail', async () =>
    explain(alice, await signIn(stage, bob)),
  )
  await report.expect("carol's ID token", 'not_an_access_token', async () =>
    explain(carol, await provider.idToken(carol)),
  )
  await report.expect("carol's token of another application", 'wrong_client', async () =>
    explain(carol, await signIn(stage, carol, { client: 'other-client' })),
  )
}

export async function showDown(stage: Stage): Promise<void> {
  const { provider, report } = stage
  const attempt = async () => ({ mechanism: 'XOAUTH2', user: bob, token: await signIn(stage, bob) }) as const
  const seen = await attempt()
  await login(stage, dovecot, seen)
  const jwt = await provider.accessJwt(carol)
  report.heading('The provider is down')
  await provider.down()

  await report.expect('Dovecot: bob, who is told [UNAVAILABLE]', 'FAIL code=temp_fail', async () =>
    login(stage, dovecot, await attempt()),
  )
  await report.expect('Postfix: bob, who is told 454', 'the server closed the connection', async () =>
    login(stage, postfix, await attempt()),
  )
  await report.expect('Dovecot: bob, with a token seen a moment ago', `OK user=${bob}`, () =>
    login(stage, dovecot, seen),
  )
  await report.expect('Dovecot: carol, with a JWT, by the keys at hand', `OK user=${carol}`, () =>
    login(stage, dovecot, { mechanism: 'XOAUTH2', user: carol, token: jwt }),
  )
  await provider.up()
  await report.expect('Postfix: bob, with the provider up again', `OK user=${bob}`, async () =>
    login(stage, postfix, await attempt()),
  )
}

export async function showRecipients({ folder, report }: Stage): Promise<void> {
  const map = (name: string, key: string) => async () => (await askSocketmap(join(folder, 'map'), name, key)).trimEnd()
  const policy = (recipient: string) => () => askPolicy(join(folder, 'policy'), recipient)
  const user = (name: string) => async () =>
    userAndHome(await askMaster(join(folder, 'auth-master'), `USER\t7\t${name}\tservice=lmtp`))
  const dora = 'dora@example.org'
  const nobody = 'nobody@example.org'
  report.heading('Recipients')

  await report.expect('Postfix, mailboxes: dora, who never signed in', `OK ${dora}`, map('mailbox', dora))
  await report.expect('Postfix, policy: dora', 'DUNNO', policy(dora))
  await report.expect('Dovecot LMTP: dora', `USER ${dora} home=/var/vmail/example.org/dora`, user(dora))
  await report.expect('Postfix, aliases: a.jones', `OK ${alice}`, map('alias', 'a.jones@example.org'))
  await report.expect('Postfix, mailboxes: alice+news', `OK ${alice}`, map('mailbox', 'alice+news@example.org'))
  await report.expect('Postfix, sender logins: info', `OK ${alice}`, map('login', 'info@example.org'))
  await report.expect('Postfix, mailboxes: nobody', 'NOTFOUND', map('mailbox', nobody))
  await report.expect('Postfix, policy: nobody', '550 5.1.1 User unknown', policy(nobody))
  await report.expect('Dovecot LMTP: nobody', 'NOTFOUND', user(nobody))
}

export async function showPasswords(stage: Stage): Promise<void> {
  const { change, report } = stage
  const create = ['app-password', 'create', alice, '--label', 'Outlook, office', '--services', 'imap,smtp']
  let password = ''
  report.heading('App passwords, for mail clients without OAuth')

  await report.expect(
    'bearerd app-password create alice@example.org …',
    'shown once: 8 groups of 4 letters',
    async () => {
      password = await change('passwords_loaded', ...create)
      return /^([a-z]{4}-){7}[a-z]{4}$/.test(password) ? 'shown once: 8 groups of 4 letters' : password
    },
  )
  const by = (mechanism: 'PLAIN' | 'LOGIN', user: string, typed: string) => ({ mechanism, user, token: typed })
  await report.expect('Dovecot, PLAIN: alice, in capitals and with spaces', `OK user=${alice}`, () =>
    login(stage, dovecot, by('PLAIN', alice, password.toUpperCase().replaceAll('-', ' '))),
  )
  await report.expect('Postfix, LOGIN: alice, by an alias', `OK user=${alice}`, () =>
    login(stage, postfix, by('LOGIN', 'a.jones@example.org', password)),
  )
  // A refusal takes two seconds, whatever was wrong: they wait together.
  const forPop3 = login(stage, { ...dovecot, service: 'pop3' }, by('PLAIN', alice, password))
  const guessed = login(stage, postfix, by('PLAIN', 'nobody@example.org', password))
  const id = password.slice(0, 3)
  await report.expect('bearerd app-password revoke alice@example.org …', `revoked ${alice}`, async () =>
    (await change('passwords_loaded', 'app-password', 'revoke', alice, id)).replace(/ \S+ {2}Outlook, office$/, ''),
  )
  const revoked = login(stage, dovecot, by('PLAIN', alice, password))
  await report.expect('Dovecot: alice, over POP3, which it was not for', 'FAIL', () => forPop3)
  await report.expect('Postfix: nobody', 'FAIL', () => guessed)
  await report.expect('Dovecot: alice, once it is revoked', 'FAIL', () => revoked)
}

export async function showNewcomer({ folder, change, report }: Stage): Promise<void> {
  const erin = 'erin@example.org'
  const mailbox = async () => (await askSocketmap(join(folder, 'map'), 'mailbox', erin)).trimEnd()
  report.heading('A new account, while all this runs')
  await report.expect('Postfix, mailboxes: erin', 'NOTFOUND', mailbox)
  await report.expect('bearerd account add erin@example.org …', `+ ${erin}`, async () => {
    const printed = await change('accounts_loaded', 'account', 'add', erin, '--full-name', 'Erin Brown')
    return printed.split('\n')[0] ?? ''
  })
  await report.expect('Postfix, mailboxes: erin', `OK ${erin}`, mailbox)
}

/** Of a userdb entry, whose it is and where the mail is. */
function userAndHome(reply: string): string {
  const [verb, , user, ...fields] = reply.split('\t')
  return [verb, user, fields.find(field => field.startsWith('home='))].filter(Boolean).join(' ')
}
