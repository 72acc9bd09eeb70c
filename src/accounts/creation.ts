/**
 * Creation: what has to be written for somebody who logged in and has no account yet, and whether it may be. PURE.
 */
import { Buffer } from 'node:buffer'
import type { Account, AccountIndex, NewAccount } from './account.ts'
import { createLineParser } from './file.ts'

export type Creation =
  | { readonly kind: 'new'; readonly account: Account; readonly line: string }
  /** Somebody was quicker: most likely another connection of the same mail client. */
  | { readonly kind: 'exists'; readonly account: Account }
  | { readonly kind: 'refused'; readonly why: string }

const maxNameLength = 256

/** `account` is what a later load will read from `line`, not what was asked for. */
export function planCreation(wanted: NewAccount, index: AccountIndex, created: Date): Creation {
  const { address, subject, directory } = wanted
  const owner = index.byName(address)
  if (owner !== undefined)
    return isSame(owner, wanted) ? { kind: 'exists', account: owner } : refused('its address has an owner by now')
  if (![undefined, 'catch-all'].includes(index.recipient(address)?.kind))
    return refused("it is an extension of somebody's address by now")
  if (subject !== undefined && index.bySubject(subject).some(other => other.directory === directory))
    return refused('its subject has an account by now')
  const fullName = wanted.fullName === undefined ? undefined : displayName(wanted.fullName)
  const line = JSON.stringify({ address, 'full-name': fullName, subject, directory, created })
  const parser = createLineParser('')
  const { entries } = parser.push(Buffer.from(`${line}\n`))
  const account = entries[0]?.account
  return account === undefined
    ? refused('a name in it is none that an account can have')
    : { kind: 'new', account, line }
}

function refused(why: string): Creation {
  return { kind: 'refused', why }
}

function isSame(owner: Account, wanted: NewAccount): boolean {
  const keys = ['address', 'subject', 'directory'] as const
  return keys.every(key => owner[key] === wanted[key])
}

/** Nobody is locked out for an odd name: what a full name can't hold is left out. */
function displayName(name: string): string | undefined {
  const clean = name.slice(0, maxNameLength).replace(/[\p{Cc}\p{Cs}\u2028\u2029\ufffd]/gu, '')
  return clean === '' ? undefined : clean
}
