/**
 * Newcomer: the account to be made for somebody with a good token and none yet (`accounts.unknown = "create"`), or why none is.
 *
 * Only for an address that the provider vouches for and nobody has, in a domain that is open to newcomers. Never one whose
 * directory would be another; never one that is the extension of a neighbour's address.
 */
import type { AccountIndex, NewAccount } from '../accounts/account.ts'
import { canonicalAddress, domainOf } from '../accounts/address.ts'
import type { AccountsConfig, DirectoryConfig } from '../config/config.ts'
import { quote } from '../oidc/quote.ts'
import type { Identity } from './identity.ts'
import { rejectReasons } from './reason.ts'
import type { Routing } from './routing.ts'

export type Newcomers = Pick<AccountsConfig, 'unknown' | 'create'>

export type Newcomer =
  | { readonly ok: true; readonly account: NewAccount }
  /** `why` has names from the network in quotes. */
  | { readonly ok: false; readonly why: string; readonly cure: string }

type Place = { readonly newcomers: Newcomers; readonly directory: DirectoryConfig; readonly index: AccountIndex }

export function planNewcomer(
  { email, fullName, subject }: Extract<Identity, { kind: 'unknown' }>,
  place: Place,
  ofAccount: Routing['ofAccount'],
): Newcomer {
  const { newcomers, directory, index } = place
  if (newcomers.unknown !== 'create') return refuse('accounts.unknown is "reject"', rejectReasons.unknown_account.cure)
  const address = email === undefined ? undefined : canonicalAddress(email)
  if (address === undefined) return refuse('no address is known for a new account', cures.noAddress)
  const domain = domainOf(address)
  if (!isOpen(domain, place)) return refuse(`${quote(domain)} is not open to newcomers`, cures.closed)
  const taken = index.recipient(address)
  if (taken !== undefined && taken.kind !== 'catch-all')
    return refuse(`it is an extension of ${quote(taken.account.address)}`, cures.byHand)
  const owner = ofAccount({ address, directory: undefined })
  if (owner !== directory.name)
    return refuse(`the directory of ${quote(domain)} is ${owner === undefined ? 'none' : quote(owner)}`, cures.foreign)
  return { ok: true, account: { address, fullName, subject, directory: directory.name } }
}

/** Unless the administrator has listed domains, those that are ours already: not to begin to claim foreign mail. */
function isOpen(domain: string, { newcomers, directory, index }: Place): boolean {
  const listed = newcomers.create.domains
  if (listed.length > 0) return listed.includes(domain)
  return index.hasDomain(domain) || directory.domains.includes(domain)
}

const byHand = 'Add the account: "bearerd account add ADDRESS"'
const cures = {
  byHand: `${byHand}, if it is to be one of its own.`,
  noAddress: `${byHand} --username NAME; or have the provider tell the address in a claim of "fields.email".`,
  closed: `${byHand}; or, if everybody with an address there is to have one, add the domain to "accounts.create.domains".`,
  foreign: `${byHand} --directory NAME; or add the domain to "domains" of the directory.`,
} as const

function refuse(why: string, cure: string): Newcomer {
  return { ok: false, why, cure }
}
