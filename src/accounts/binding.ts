/**
 * Binding: one line of bindings.jsonl, which ties an account to a `sub` of a directory, or unties it; and back. PURE.
 *
 * `{"account","directory","subject","bound"}` or `{"account","directory","unbound"}`. Of the lines for an account and a
 * directory the last one counts. Keys that aren't known are passed over: a later version may have more to say.
 */
import { canonicalAddress } from './address.ts'
import { parseTime, type Table, unprintable } from './fields.ts'

export type Binding = {
  /** The account's own address. */
  readonly account: string
  readonly directory: string
  readonly subject: string
  /** When it was bound, in milliseconds since 1970. */
  readonly bound: number
}

export type Unbinding = Pick<Binding, 'account' | 'directory'> & { readonly unbound: number }

export type BindingLine = Binding | Unbinding

export type DecodedLine =
  | { readonly ok: true; readonly line: BindingLine }
  | { readonly ok: false; readonly message: string }

/** Any line that is written fits: directory and subject have three bytes a character at most. */
export const maxLineBytes = 8 * 1024
const maxLength = 1024

export function decodeBinding({ account, directory, subject, bound, unbound }: Table): DecodedLine {
  if (typeof account !== 'string' || canonicalAddress(account) !== account) return wrong('an address in "account"')
  if (!isBindable(directory)) return wrong('a name in "directory"')
  if (unbound !== undefined) {
    const time = parseTime(unbound)
    return time === undefined ? wrong('a time in "unbound"') : { ok: true, line: { account, directory, unbound: time } }
  }
  if (!isBindable(subject)) return wrong('a text in "subject"')
  const time = parseTime(bound)
  return time === undefined
    ? wrong('a time in "bound"')
    : { ok: true, line: { account, directory, subject, bound: time } }
}

function wrong(what: string): DecodedLine {
  return { ok: false, message: `expected ${what}` }
}

/** Whether a `sub` can be bound, or a directory have bindings. */
export function isBindable(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength && !unprintable.test(value)
}

/** Without a newline. */
export function formatBinding(line: BindingLine): string {
  const { account, directory } = line
  return JSON.stringify(
    'subject' in line
      ? { account, directory, subject: line.subject, bound: new Date(line.bound).toISOString() }
      : { account, directory, unbound: new Date(line.unbound).toISOString() },
  )
}
