/**
 * Names: which account a client's name means, and whether a name is one of an account's.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import { prepared } from '../passwords/prepare.ts'

/** The account that somebody who knows its password may call so: by address or alias, as typed or prepared. */
export function accountNamed(name: string, index: AccountIndex): Account | undefined {
  const owner = index.byName(name)
  if (owner !== undefined) return owner
  const form = prepared(name)
  return form === undefined ? undefined : index.byName(form)
}

/** The client may call an account by any of its own names; never by one that is another account's. */
export function isNameOf(asked: string, account: Account, index: AccountIndex): boolean {
  if (asked === account.address) return true
  const owner = index.byName(asked)
  if (owner !== undefined) return owner.address === account.address
  if (asked === account.username) return true
  const address = canonicalAddress(asked)
  return address !== undefined && account.sendAs.includes(address)
}

/** Those names, for people: an alias that is a whole domain is none. */
export function namesOf({ address, aliases, sendAs, username }: Account): string[] {
  return [address, ...aliases.filter(alias => !alias.startsWith('@')), ...sendAs, username ?? []].flat()
}
