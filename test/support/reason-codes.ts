/**
 * docs/reference/reason-codes.md, made of the table in src/auth/reason.ts. A code that is in no group doesn't compile.
 *
 *   node --import tsx test/support/reason-codes.ts
 */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { reasons } from '../../src/auth/reason.ts'

export const referencePage = 'docs/reference/reason-codes.md'
export const command = 'node --import tsx test/support/reason-codes.ts'

type Code = keyof typeof reasons

const groups = {
  accepted: {
    title: 'Accepted',
    text: 'Verdict: `accept`. The mail server goes on.',
  },
  message: {
    title: 'The message',
    text: 'Verdict: `reject`, before anybody is asked about a token or a password.',
  },
  token: {
    title: 'The token',
    text: 'Verdict: `reject`, for what the token is, or for what its provider says of it.',
  },
  identity: {
    title: 'Identity',
    text: 'Verdict: `reject`. The token is good, but not for whom it names, or because it names nobody.',
  },
  account: {
    title: 'The account',
    text: 'Verdict: `reject`. It is known whose the token is, or the password.',
  },
  password: {
    title: 'The password',
    text: 'Verdict: `reject`. Client and mail server are told the same, whatever the reason; only the log has it.',
  },
  unavailable: {
    title: 'No verdict',
    text: 'Verdict: `unavailable`. The client is told to try again later; nobody is told that a token or password is wrong.',
  },
} as const

const groupOf: Readonly<Record<Code, keyof typeof groups>> = {
  ok: 'accepted',
  malformed: 'message',
  truncated: 'message',
  no_directory: 'message',
  token_refused: 'token',
  opaque_token: 'token',
  token_malformed: 'token',
  algorithm_not_allowed: 'token',
  unsupported_header: 'token',
  unknown_key: 'token',
  bad_signature: 'token',
  token_incomplete: 'token',
  token_expired: 'token',
  token_not_yet_valid: 'token',
  not_an_access_token: 'token',
  refresh_token: 'token',
  machine_token: 'token',
  wrong_issuer: 'token',
  wrong_audience: 'token',
  wrong_client: 'token',
  insufficient_scope: 'token',
  claim_mismatch: 'token',
  subject_conflict: 'identity',
  email_not_verified: 'identity',
  no_identity: 'identity',
  bad_identity: 'identity',
  no_subject: 'identity',
  unknown_account: 'identity',
  ambiguous_identity: 'identity',
  wrong_directory: 'account',
  subject_mismatch: 'account',
  authz_fail: 'account',
  account_disabled: 'account',
  unknown_login: 'password',
  wrong_password: 'password',
  unknown_password: 'password',
  provider_password: 'password',
  password_not_offered: 'password',
  token_as_password: 'password',
  password_expired: 'password',
  password_outdated: 'password',
  password_service: 'password',
  password_network: 'password',
  provider_unavailable: 'unavailable',
  accounts_unavailable: 'unavailable',
  account_not_created: 'unavailable',
  bindings_unavailable: 'unavailable',
  binding_not_written: 'unavailable',
  create_limit: 'unavailable',
  passwords_unavailable: 'unavailable',
  passwords_busy: 'unavailable',
  deadline: 'unavailable',
  internal_error: 'unavailable',
}

export function document(): string {
  const codes = Object.keys(reasons) as Code[]
  const sections = Object.entries(groups).map(
    ([group, { title, text }]) => `## ${title}\n\n${text}\n\n${table(codes.filter(code => groupOf[code] === group))}`,
  )
  return [opening, ...sections].join('\n')
}

const opening = `<!-- Made of src/auth/reason.ts by "${command}": change it there. -->

# Reason codes

Every login leaves one line in bearerd's log, with the verdict (\`accept\`, \`reject\`, \`unavailable\`), one of these codes as
\`reason\`, and the cure as \`cure\`. \`bearerd explain-token\` ends with the same code. They are stable: scripts may rely on them.
What to do step by step: [a login is refused](../howto/login-refused.md).

**Tokens that were cut off.** Postfix's smtpd silently cuts a command at 2048 bytes, and the token of many a provider is longer. bearerd
knows such a message by its length, and calls it \`truncated\`. It is mended in Postfix's master.cf, with \`line_length_limit\` and
\`smtpd_sasl_response_limit\`: [Postfix with bearerd](../howto/postfix.md).
`

function table(codes: readonly Code[]): string {
  const rows = codes.map(code => `| \`${code}\` | ${cell(code, 'meaning')} | ${cell(code, 'cure')} |`)
  return ['| code | meaning | cure |', '|---|---|---|', ...rows, ''].join('\n')
}

function cell(code: Code, what: 'meaning' | 'cure'): string {
  return reasons[code][what].replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(referencePage, document())
