/**
 * Accounts and aliases from the text of Postfix's tables, postfix(5) and virtual(5). PURE.
 *
 * virtual_alias_maps: an address or `@domain` with the one address that it leads to is an alias. An address that leads to
 * itself, and a bare domain (`example.org anything`), say nothing about accounts. Several targets are a list, which no
 * account can be. virtual_mailbox_maps: each address is an account, wherever Postfix had its mailbox.
 */
import type { AccountRow, AliasRow, Imported, RowComplaint } from '../accounts/merge.ts'

export type Entry = { readonly line: number; readonly key: string; readonly value: string }

/** `domain` is what `myorigin` is to Postfix. */
export function readVirtualAliases(text: string, domain: string | undefined): Imported {
  const aliases: AliasRow[] = []
  const complaints: RowComplaint[] = []
  for (const { line, key, value } of readTable(text, complaints)) {
    if (isDomain(key)) continue
    const alias = qualify(key, domain)
    const targets = value.split(/[\s,]+/).filter(target => target !== '')
    const target = qualify(targets[0] ?? '', domain)
    const complaint =
      targets.length === 1 && target !== undefined
        ? complainOf(target)
        : `${targets.length} targets: a list is no account`
    if (alias === undefined || target === undefined) complaints.push({ line, message: noDomain })
    else if (complaint !== undefined) complaints.push({ line, message: complaint })
    else aliases.push({ line, alias, target })
  }
  return { accounts: [], aliases, complaints, notes: [] }
}

export function readVirtualMailboxes(text: string, domain: string | undefined): Imported {
  const accounts: AccountRow[] = []
  const complaints: RowComplaint[] = []
  for (const { line, key } of readTable(text, complaints)) {
    if (isDomain(key)) continue
    const address = qualify(key, domain)
    if (address === undefined) complaints.push({ line, message: noDomain })
    else if (address.startsWith('@')) complaints.push({ line, message: 'a catch-all is an alias of an account here' })
    else accounts.push({ line, address, patch: {} })
  }
  return { accounts, aliases: [], complaints, notes: [] }
}

const noDomain = 'has a name without a domain; --domain adds one'

/** Logical lines: one that begins with white space continues the one before, comments and empty lines in between aside. */
export function readTable(text: string, complaints: RowComplaint[] = []): Entry[] {
  const logical: { line: number; text: string }[] = []
  for (const [index, row] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const trimmed = row.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const last = logical.at(-1)
    if (!/^\s/.test(row)) logical.push({ line: index + 1, text: trimmed })
    else if (last !== undefined) last.text += ` ${trimmed}`
    else complaints.push({ line: index + 1, message: 'begins with a blank, but there is no line that it continues' })
  }
  return logical.flatMap(({ line, text }) => {
    const [, key, value] = /^(\S+)\s+(.+)$/su.exec(text) ?? []
    if (key !== undefined && value !== undefined) return { line, key, value }
    complaints.push({ line, message: 'expected a name, a blank, and what it leads to' })
    return []
  })
}

/** virtual(5): `example.org anything` makes the domain known. */
function isDomain(key: string): boolean {
  return !key.includes('@') && key.includes('.')
}

function qualify(name: string, domain: string | undefined): string | undefined {
  if (name.includes('@') || /[|/:"]/.test(name)) return name
  return domain === undefined || name === '' ? undefined : `${name}@${domain}`
}

function complainOf(target: string): string | undefined {
  if (target.startsWith('@')) return 'leads a domain to a domain; each of its accounts needs the alias'
  return /[|/:"]/.test(target) ? 'leads to a command, a file or a list, which is no account' : undefined
}
