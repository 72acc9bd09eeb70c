/**
 * Accounts: all of them, and what can be asked of them (`AccountIndex`). PURE.
 *
 * Filled one account at a time, so that a million don't hold up logins; to be handed out when complete. What a file
 * can't tell about itself is found here: names that belong to two accounts, directories that don't exist.
 *
 * A recipient is looked up in Postfix's order (src/global/mail_addr_find.c): the address, the address without its
 * extension, `@domain`. Over a socketmap Postfix asks for the full address only and leaves the rest to us.
 */
import type { Problem } from '../config/problem.ts'
import { nearest } from '../config/suggest.ts'
import type { Account, AccountIndex, Recipient } from './account.ts'
import { canonicalAddress, canonicalDomain, domainOf, splitExtension } from './address.ts'
import type { Entry } from './file.ts'
import { createNameTable, type NameTable } from './name-table.ts'
import { type Fields, fieldsBytes, maxFieldsBytes, userdbFields } from './userdb.ts'

export type IndexOptions = {
  /** As Postfix's `recipient_delimiter`. */
  readonly delimiter: string
  /** userdb fields, templates not filled in; uid and gid are numbers. */
  readonly defaults: Fields
  /** Names of the directories that an account may belong to. */
  readonly directories: readonly string[]
}

export type IndexBuilder = {
  /** Adds an account. Tells what it gets wrong beside the others; after an error the index must not be used. */
  add(entry: Entry, file: string): Problem[]
  readonly index: AccountIndex
}

/** Positions in the list of accounts that share a name: mostly one. */
type Positions = number | number[]

type Tables = {
  readonly accounts: Account[]
  /** Addresses and aliases. */
  readonly owners: NameTable
  /** By domain. */
  readonly catchAlls: Map<string, number>
  readonly domains: Set<string>
  readonly usernames: Map<string, Positions>
  readonly subjects: Map<string, Positions>
  readonly sendAs: Map<string, Positions>
}

export function createIndex(options: IndexOptions): IndexBuilder {
  const accounts: Account[] = []
  const tables: Tables = {
    accounts,
    owners: createNameTable((position, name) => hasName(accounts[position], name)),
    catchAlls: new Map(),
    domains: new Set(),
    usernames: new Map(),
    subjects: new Map(),
    sendAs: new Map(),
  }
  return { add: createAdd(tables, options), index: createLookups(tables, options) }
}

type Complain = (path: string, message: string, severity?: Problem['severity']) => void

function createAdd(tables: Tables, { defaults, directories }: IndexOptions): IndexBuilder['add'] {
  const { accounts, owners, catchAlls, domains, usernames, subjects, sendAs } = tables
  const lines: (number | undefined)[] = []
  // An address has up to 254 bytes, and may stand there several times.
  const defaultsAreLong = fieldsBytes(defaults) > 1_000 || Object.values(defaults).join('').split('{').length > 20
  /** Where in the list of accounts a file begins. */
  const files: { readonly file: string; readonly from: number }[] = []

  function place(position: number): string {
    const { file } = files.findLast(({ from }) => from <= position) ?? { file: '' }
    const line = lines[position]
    return line === undefined ? file : `${file}:${line}`
  }

  function claimDomain(domain: string, position: number): number | undefined {
    const owner = catchAlls.get(domain)
    if (owner === undefined) catchAlls.set(domain, position)
    return owner
  }

  function claim(name: string, path: string, position: number, complain: Complain): void {
    const domain = domainOf(name)
    const owner = name.startsWith('@') ? claimDomain(domain, position) : owners.claim(name, position)
    if (owner === position) complain(path, `${name} stands here twice`)
    else if (owner !== undefined) complain(path, `${name} already belongs to the account at ${place(owner)}`)
    // A single alias elsewhere, at a public mail provider say, doesn't make that domain ours.
    if (path === 'address' || name.startsWith('@')) domains.add(domain)
  }

  function addSubject(subject: string, account: Account, position: number, complain: Complain): void {
    const twin = toList(subjects.get(subject)).find(other => haveSameDirectory(accounts[other], account))
    if (twin !== undefined) complain('subject', `already the subject of the account at ${place(twin)}`)
    append(subjects, subject, position)
  }

  function addUsername(username: string, account: Account, position: number, complain: Complain): void {
    // Every domain may have its "info": not all of them are compared with each other.
    const others = toList(usernames.get(username)).slice(0, 8)
    const twin = others.find(other => haveSameDirectory(accounts[other], account))
    if (twin !== undefined) {
      const message = `also the username of the account at ${place(twin)}, so that it names neither of them`
      complain('username', message, 'warning')
    }
    append(usernames, username, position)
  }

  return ({ account, line }, file) => {
    const position = accounts.push(account) - 1
    lines.push(line)
    if (files.at(-1)?.file !== file) files.push({ file, from: position })
    const problems: Problem[] = []
    const complain: Complain = (path, message, severity = 'error') => {
      problems.push({ severity, file, line, path, message })
    }
    claim(account.address, 'address', position, complain)
    for (const alias of account.aliases) claim(alias, 'aliases', position, complain)
    for (const address of account.sendAs) append(sendAs, address, position)
    // A login that got OK would fail in the mail process. Most accounts have no fields of their own to add up.
    if (Object.keys(account.userdb).length > 0 || defaultsAreLong) {
      const bytes = fieldsBytes(userdbFields(account, defaults))
      if (bytes > maxFieldsBytes)
        complain('userdb', `${bytes} bytes with the defaults; expected at most ${maxFieldsBytes}`)
    }
    if (account.subject !== undefined) addSubject(account.subject, account, position, complain)
    if (account.username !== undefined) addUsername(account.username, account, position, complain)
    if (account.directory !== undefined && !directories.includes(account.directory)) {
      const meant = nearest(account.directory, directories)
      complain(
        'directory',
        `no [directory.NAME] has this name${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      )
    }
    return problems
  }
}

function createLookups(tables: Tables, { delimiter, defaults }: IndexOptions): AccountIndex {
  const { accounts, owners, catchAlls, domains, usernames, subjects, sendAs } = tables

  const at = (positions: Positions | undefined): Account[] =>
    toList(positions).flatMap(position => accounts[position] ?? [])

  const byAddress = (address: string): Account | undefined => {
    const position = owners.find(address)
    return position === undefined ? undefined : accounts[position]
  }

  const owned = (address: string, extension: string): Recipient | undefined => {
    const account = byAddress(address)
    return account && { account, kind: account.address === address ? 'mailbox' : 'alias', extension }
  }

  const unsplit = (address: string): Recipient | undefined => {
    const split = splitExtension(address, delimiter)
    return split && owned(split.base, split.extension)
  }

  const caught = (address: string): Recipient | undefined => {
    const [account] = at(catchAlls.get(domainOf(address)))
    return account && { account, kind: 'catch-all', extension: '' }
  }

  const find = (address: string): Recipient | undefined => owned(address, '') ?? unsplit(address) ?? caught(address)

  /**
   * Nobody's address, but mail to it may be somebody's all the same: `alice+a/b@example.org`, or under a catch-all. The
   * extension is dropped, since what stands in it would be read as a list of addresses by Postfix.
   */
  const findOdd = (name: string): Recipient | undefined => {
    const domain = name.lastIndexOf('@') > 0 ? canonicalDomain(domainOf(name)) : undefined
    if (domain === undefined) return undefined
    const base = canonicalAddress(splitExtension(name, delimiter)?.base ?? '')
    return (base === undefined ? undefined : owned(base, '')) ?? caught(`@${domain}`)
  }

  return {
    get size() {
      return accounts.length
    },
    byName(name) {
      const address = canonicalAddress(name)
      return address === undefined ? undefined : byAddress(address)
    },
    byUsername: username => at(usernames.get(username)),
    bySubject: subject => at(subjects.get(subject)),
    recipient(name) {
      const address = canonicalAddress(name)
      return address === undefined ? findOdd(name) : find(address)
    },
    senders(name) {
      const address = canonicalAddress(name)
      if (address === undefined) return []
      const base = splitExtension(address, delimiter)?.base
      const allowed = [...at(sendAs.get(address)), ...(base === undefined ? [] : at(sendAs.get(base)))]
      const owner = find(address)
      return [...new Set(owner === undefined ? allowed : [owner.account, ...allowed])]
    },
    hasDomain(name) {
      const domain = canonicalDomain(name)
      return domain !== undefined && domains.has(domain)
    },
    all: () => accounts.values(),
    userdb: account => userdbFields(account, defaults),
  }
}

function hasName(account: Account | undefined, name: string): boolean {
  return account !== undefined && (account.address === name || account.aliases.includes(name))
}

/** As far as the files tell: without `directory` it depends on the domain. */
function haveSameDirectory(a: Account | undefined, b: Account): boolean {
  if (a === undefined || a.directory !== b.directory) return false
  return a.directory !== undefined || domainOf(a.address) === domainOf(b.address)
}

function append(map: Map<string, Positions>, name: string, position: number): void {
  const before = map.get(name)
  if (before === undefined) map.set(name, position)
  else if (typeof before === 'number') map.set(name, [before, position])
  else before.push(position)
}

function toList(positions: Positions | undefined): readonly number[] {
  return positions === undefined ? [] : typeof positions === 'number' ? [positions] : positions
}
