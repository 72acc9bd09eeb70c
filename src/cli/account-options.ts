/**
 * What the options of `account add` and `account set` ask for, or everything that is wrong with them. PURE.
 *
 * Values are taken as given: what an account can't have is found when the result is checked.
 */
import type { Patch } from '../accounts/edit.ts'
import { accountKeys } from '../accounts/fields.ts'
import { nearest } from '../config/suggest.ts'
import { quote } from '../config/values.ts'

/** As commander names them. */
export type AccountOptions = {
  readonly alias?: readonly string[]
  readonly addAlias?: readonly string[]
  readonly removeAlias?: readonly string[]
  readonly fullName?: string
  readonly username?: string
  readonly subject?: string
  readonly directory?: string
  readonly quota?: string
  readonly sendAs?: readonly string[]
  readonly userdb?: readonly string[]
  readonly disabled?: boolean
  readonly receive?: boolean
  readonly unset?: readonly string[]
}

const removable: readonly string[] = accountKeys.filter(key => key !== 'address' && key !== 'created')

export function readPatch(options: AccountOptions): { readonly patch: Patch; readonly complaints: string[] } {
  const { addAlias = [], removeAlias = [], userdb = [], quota } = options
  // A permission to receive that was given with an earlier "disable" is not meant any more.
  const unset = [...(options.unset ?? []), ...(options.disabled && !options.receive ? ['receive'] : [])]
  const complaints: string[] = []
  const values: Record<string, unknown> = {
    'full-name': options.fullName,
    aliases: options.alias,
    username: options.username,
    subject: options.subject,
    directory: options.directory,
    enabled: options.disabled ? false : undefined,
    receive: options.receive ? true : undefined,
    quota: quota !== undefined && /^\d{1,16}$/.test(quota) ? Number(quota) : quota,
    'send-as': options.sendAs,
  }
  const fields = userdb.flatMap(text => {
    const equals = text.indexOf('=')
    if (equals > 0) return [[text.slice(0, equals), text.slice(equals + 1)]]
    complaints.push(`--userdb: expected NAME=VALUE such as "quota_rule=*:bytes=5G", got ${quote(text)}`)
    return []
  })
  for (const key of unset) {
    if (removable.includes(key) || /^userdb\../.test(key)) continue
    const meant = nearest(key.slice(0, 64), removable)
    const hint = meant === undefined ? `; there are ${removable.join(', ')}, userdb.NAME` : `; did you mean "${meant}"?`
    complaints.push(`--unset: ${quote(key)} can't be unset${hint}`)
  }
  const set = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  const patch = { set, userdb: Object.fromEntries(fields), unset, addAliases: addAlias, removeAliases: removeAlias }
  return { patch, complaints }
}

export function isEmptyPatch({ set, userdb, unset, addAliases, removeAliases }: Patch): boolean {
  return [unset, addAliases, removeAliases, Object.keys(set ?? {}), Object.keys(userdb ?? {})].every(
    (list = []) => list.length === 0,
  )
}
