/**
 * Import: the users of a Dovecot passwd-file to the passwords of accounts, or everything that keeps them from being
 * taken over. PURE.
 *
 * What the file says of where a user may log in from (`allow_nets`) comes along. A user whose login Dovecot forbids, or
 * turns into somebody else's, is not taken: here it would be more than it was there.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import { isImportedHash } from './hash.ts'
import { readImportHash } from './import-hash.ts'
import { parseNetwork } from './network.ts'
import { type PasswdLine, parsePasswdFile } from './passwd-file.ts'
import type { PasswordIndex, PasswordRecord } from './password.ts'

export type ImportOptions = {
  /** Of users that are written without one. */
  readonly domain: string | undefined
  readonly label: string
  /** Whether an imported password may take the place of an earlier one. */
  readonly replace: boolean
  readonly nowMs: number
  readonly accounts: Pick<AccountIndex, 'byName'>
  readonly passwords: Pick<PasswordIndex, 'of'>
}

export type Import = {
  readonly taken: readonly { readonly record: PasswordRecord; readonly replaced: PasswordRecord | undefined }[]
  /** Lines without a password, of users that log in otherwise. */
  readonly passedOver: number
  readonly complaints: readonly { readonly line: number; readonly message: string }[]
}

/** An account has one imported password, so that one name will do. */
const importedId = 'imported'
/**
 * Extra fields that say that a good password isn't enough, isn't asked for, or is somebody else's; `passdb_import` may hold
 * any of them (src/auth/auth-request.c: auth_request_set_field).
 */
const restrictions = [
  ...['user', 'username', 'domain', 'login_user', 'password', 'password_noscheme', 'nopassword', 'passdb_import'],
  ...['nologin', 'noauthenticate', 'fail', 'delay_until', 'allow_real_nets'],
  ...['check_client_fp', 'check_client_cert_fp', 'check_client_pubkey_fp'],
]
/** Fields that count where nothing else has set them: in 2.3, and since 2.4. */
const suffix = /:(?:protected|default)$/

export function planImport(text: string, options: ImportOptions): Import {
  const { lines, problems } = parsePasswdFile(text)
  const complaints = [...problems]
  const taken: Import['taken'][number][] = []
  const places = new Map<string, number>()
  const withPassword = lines.filter(({ password }) => password !== undefined)
  for (const row of withPassword) {
    const read = readLine(row, options, places)
    if (typeof read === 'string') complaints.push({ line: row.line, message: read })
    else taken.push(read)
  }
  complaints.sort((a, b) => a.line - b.line)
  return { taken, passedOver: lines.length - withPassword.length, complaints }
}

/** What is taken over, or what keeps it from that. */
function readLine(
  { line, user, password = '', extra }: PasswdLine,
  { domain, label, replace, nowMs, accounts, passwords }: ImportOptions,
  places: Map<string, number>,
): Import['taken'][number] | string {
  const account = findAccount(user, domain, accounts)
  if (typeof account === 'string') return account
  const { address } = account
  const earlier = places.get(address)
  if (earlier !== undefined) return `line ${earlier} is ${address}'s too, and an account has one imported password`
  places.set(address, line)
  const restriction = Object.keys(extra).find(isRestriction)
  if (restriction !== undefined) return `has ${restriction}, which can't be taken over; leave the user out`
  const read = readImportHash(password)
  if (!read.ok) return read.message
  const networks = readNetworks(extra.allow_nets)
  if (networks === undefined) return 'allow_nets: expected networks such as 192.0.2.0/24'
  const replaced = passwords.of(address).find(({ hash }) => isImportedHash(hash))
  if (replaced !== undefined && !replace) return `${address} has an imported password already; --replace takes this one`
  const record: PasswordRecord = {
    id: importedId,
    account: address,
    label,
    hash: read.hash,
    // Never older than its account, wherever the clock was when that was made.
    created: Math.max(nowMs, account.created ?? 0),
    expires: undefined,
    services: [],
    networks,
  }
  return { record, replaced }
}

function findAccount(user: string, domain: string | undefined, accounts: ImportOptions['accounts']): Account | string {
  if (!user.includes('@') && domain === undefined)
    return 'the user has no domain; --domain says which those without one are in'
  const address = canonicalAddress(user.includes('@') ? user : `${user}@${domain}`)
  if (address === undefined) return 'the user is no mail address'
  const account = accounts.byName(address)
  if (account === undefined) return `no account has the address ${address}; add it first`
  // Else the password of a mailbox that many share would open her own.
  if (account.address !== address)
    return `${address} is an alias of ${account.address}; write that address, or leave the line out`
  return account
}

/** What else is there than the networks of `readNetworks`. */
function isRestriction(field: string): boolean {
  const name = field.replace(suffix, '')
  return restrictions.includes(name) || (name === 'allow_nets' && name !== field)
}

function readNetworks(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return []
  const read = text.split(',').map(parseNetwork)
  const networks = read.flatMap(parsed => (parsed.ok ? [parsed.network] : []))
  return networks.length === read.length ? [...new Set(networks)] : undefined
}
