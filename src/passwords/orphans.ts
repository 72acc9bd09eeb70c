/**
 * Orphans: passwords that nobody can log in with any more, because their account is gone, or is another of the same name.
 * PURE.
 *
 * They are left over where an account was removed by hand, rather than by `bearerd account remove`.
 */
import type { AccountIndex } from '../accounts/account.ts'
import type { PasswordRecord } from './password.ts'

/** Why a password belongs to no account; undefined: it does. */
export function orphanReason(
  { account: address, created }: Pick<PasswordRecord, 'account' | 'created'>,
  accounts: Pick<AccountIndex, 'byName'>,
): 'no such account' | 'older than the account' | undefined {
  const account = accounts.byName(address)
  // An alias is somebody else's account.
  if (account?.address !== address) return 'no such account'
  return account.created !== undefined && created < account.created ? 'older than the account' : undefined
}
