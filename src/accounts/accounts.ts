/**
 * Accounts: all of them, and what can be asked of them (`AccountIndex`). PURE.
 *
 * Filled section by section, so that a million don't hold up logins; to be handed out when complete. What a file can't
 * tell about itself is found here: names that belong to two accounts, directories that don't exist. Sections that stayed
 * as they were are taken over from a former index, without a look at their lines.
 *
 * A recipient is looked up in Postfix's order (src/global/mail_addr_find.c): the address, the address without its
 * extension, `@domain`. Over a socketmap Postfix asks for the full address only and leaves the rest to us.
 */
import type { Problem } from '../config/problem.ts'
import { nearest } from '../config/suggest.ts'
import type { Account, AccountIndex, Recipient } from './account.ts'
import { canonicalAddress, canonicalDomain, domainOf, splitExtension } from './address.ts'
import type { Entry } from './file.ts'
import { createNameLists, type NameLists } from './name-lists.ts'
import { createNameTable, type NameTable, type Seed } from './name-table.ts'
import { createSections, type Section, type Sections } from './sections.ts'
import { type Fields, fieldsBytes, maxFieldsBytes, userdbFields } from './userdb.ts'

export type IndexOptions = {
  /** As Postfix's `recipient_delimiter`. */
  readonly delimiter: string
  /** userdb fields, templates not filled in; uid and gid are numbers. */
  readonly defaults: Fields
  /** Names of the directories that an account may belong to. */
  readonly directories: readonly string[]
  /** An account that was made later than that, in milliseconds since 1970, is warned of. */
  readonly latest?: number
  readonly seed: Seed
}

export type IndexBuilder = {
  readonly sections: Sections
  /**
   * Takes over, in steps, what a former index with the same options has on sections, to where they are now. Before
   * anything is filled.
   */
  inherit(former: IndexBuilder, kept: ReadonlyMap<Section, Section>): Generator<void>
  /** Adds the accounts of a section. Tells what they get wrong beside the others; after an error the index must not be used. */
  fill(section: Section, entries: readonly Entry[]): Problem[]
  /** Adds one account. */
  add(entry: Entry, file: string): Problem[]
  readonly index: AccountIndex
  readonly tables: Tables
}

type Tables = {
  /** Of addresses, aliases and catch-alls (`@domain`). */
  readonly owners: NameTable
  readonly usernames: NameLists
  readonly subjects: NameLists
  readonly sendAs: NameLists
}

type Totals = { accounts: number; readonly domains: Set<string> }

export function createIndex(options: IndexOptions): IndexBuilder {
  const { seed } = options
  const sections = createSections()
  const { at } = sections
  const tables: Tables = {
    owners: createNameTable((position, name) => hasName(at(position), name), seed),
    usernames: createNameLists((position, name) => at(position)?.username === name, seed),
    subjects: createNameLists((position, name) => at(position)?.subject === name, seed),
    sendAs: createNameLists((position, name) => at(position)?.sendAs.includes(name) === true, seed),
  }
  const totals: Totals = { accounts: 0, domains: new Set() }
  const addNames = createAdd(tables, sections, options)

  function addDomain(domain: string, section: Section): void {
    section.domains.add(domain)
    totals.domains.add(domain)
  }

  function fill(section: Section, entries: readonly Entry[]): Problem[] {
    const { block, lines, held } = section
    const problems: Problem[] = []
    // Accounts that aren't on lines of their own are the last ones so far.
    let number = section.size - entries.length - 1
    let domain = ''
    for (const entry of entries) {
      const { address, aliases } = entry.account
      number = typeof lines === 'number' ? (entry.line ?? 0) - lines : number + 1
      if (block === undefined || entry.resolved) held.set(number, entry.account)
      // Mostly it is that of the account before.
      if (domainOf(address) !== domain) {
        domain = domainOf(address)
        addDomain(domain, section)
      }
      // A single alias elsewhere, at a public mail provider say, doesn't make that domain ours.
      for (const alias of aliases) if (alias.startsWith('@')) addDomain(domainOf(alias), section)
      addNames(entry, section, number, problems)
    }
    section.count += entries.length
    totals.accounts += entries.length
    return problems
  }

  return {
    sections,
    *inherit(former, kept) {
      const moved = new Int32Array(former.sections.size()).fill(-1)
      for (const [before, now] of kept) {
        for (let number = 0; number < now.size; number++) moved[before.first + number] = now.first + number
        now.count = before.count
        totals.accounts += before.count
        for (const domain of before.domains) addDomain(domain, now)
        yield
      }
      yield* tables.owners.inherit(former.tables.owners, moved)
      for (const name of ['usernames', 'subjects', 'sendAs'] as const)
        yield* tables[name].inherit(former.tables[name], moved)
    },
    fill,
    add: (entry, file) => fill(sections.append(file, entry), [entry]),
    index: createLookups(tables, sections, totals, options),
    tables,
  }
}

type Complain = (path: string, message: string, severity?: Problem['severity']) => void
type AddAccount = (entry: Entry, section: Section, number: number, problems: Problem[]) => void

function createAdd(
  tables: Tables,
  { at, placeOf }: Sections,
  { defaults, directories, latest }: IndexOptions,
): AddAccount {
  const { owners, usernames, subjects, sendAs } = tables
  // An address has up to 254 bytes, and may stand there several times.
  const defaultsAreLong = fieldsBytes(defaults) > 1_000 || Object.values(defaults).join('').split('{').length > 20

  function claim(name: string, path: string, position: number, complain: Complain): void {
    const owner = owners.claim(name, position)
    if (owner === position) complain(path, `${name} stands here twice`)
    else if (owner !== undefined) complain(path, `${name} already belongs to the account ${whoAt(owner, name)}`)
  }

  function whoAt(position: number, name: string): string {
    const { address = name } = at(position) ?? {}
    return address === name ? `at ${placeOf(position)}` : `${address} at ${placeOf(position)}`
  }

  function addSubject(subject: string, account: Account, position: number, complain: Complain): void {
    const twin = subjects.all(subject).find(other => haveSameDirectory(at(other), account))
    if (twin !== undefined) complain('subject', `already the subject of the account at ${placeOf(twin)}`)
    subjects.add(subject, position)
  }

  function addUsername(username: string, account: Account, position: number, complain: Complain): void {
    // Every domain may have its "info": not all of them are compared with each other.
    const others = usernames.all(username).slice(0, 8)
    const twin = others.find(other => haveSameDirectory(at(other), account))
    if (twin !== undefined) {
      const message = `also the username of the account at ${placeOf(twin)}, so that it names neither of them`
      complain('username', message, 'warning')
    }
    usernames.add(username, position)
  }

  function addNames(account: Account, position: number, complain: Complain): void {
    claim(account.address, 'address', position, complain)
    for (const alias of account.aliases) claim(alias, 'aliases', position, complain)
    for (const address of account.sendAs) sendAs.add(address, position)
    if (account.subject !== undefined) addSubject(account.subject, account, position, complain)
    if (account.username !== undefined) addUsername(account.username, account, position, complain)
  }

  function check(account: Account, complain: Complain): void {
    const { directory, userdb, created } = account
    if (latest !== undefined && created !== undefined && created > latest)
      complain('created', 'more than a day in the future; app passwords that are older are refused', 'warning')
    // A login that got OK would fail in the mail process. Most accounts have no fields of their own to add up.
    if (Object.keys(userdb).length > 0 || defaultsAreLong) {
      const bytes = fieldsBytes(userdbFields(account, defaults))
      if (bytes > maxFieldsBytes)
        complain('userdb', `${bytes} bytes with the defaults; expected at most ${maxFieldsBytes}`)
    }
    if (directory === undefined || directories.includes(directory)) return
    const meant = nearest(directory, directories)
    complain('directory', `no [directory.NAME] has this name${meant === undefined ? '' : `; did you mean "${meant}"?`}`)
  }

  return ({ account, line }, { file, first }, number, problems) => {
    const complain: Complain = (path, message, severity = 'error') => {
      problems.push({ severity, file, line, path, message })
    }
    addNames(account, first + number, complain)
    check(account, complain)
  }
}

function createLookups(
  { owners, usernames, subjects, sendAs }: Tables,
  sections: Sections,
  totals: Totals,
  { delimiter, defaults }: IndexOptions,
): AccountIndex {
  const at = (positions: readonly number[]): Account[] => positions.flatMap(position => sections.at(position) ?? [])

  const byAddress = (address: string): Account | undefined => {
    const position = owners.find(address)
    return position === undefined ? undefined : sections.at(position)
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
    const account = byAddress(`@${domainOf(address)}`)
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
      return totals.accounts
    },
    byName(name) {
      const address = canonicalAddress(name)
      return address === undefined ? undefined : byAddress(address)
    },
    byUsername: username => at(usernames.all(username)),
    bySubject: subject => at(subjects.all(subject)),
    recipient(name) {
      const address = canonicalAddress(name)
      return address === undefined ? findOdd(name) : find(address)
    },
    senders(name) {
      const address = canonicalAddress(name)
      if (address === undefined) return []
      const base = splitExtension(address, delimiter)?.base
      const allowed = [...at(sendAs.all(address)), ...(base === undefined ? [] : at(sendAs.all(base)))]
      const owner = find(address)
      return [...new Set(owner === undefined ? allowed : [owner.account, ...allowed])]
    },
    hasDomain(name) {
      const domain = canonicalDomain(name)
      return domain !== undefined && totals.domains.has(domain)
    },
    all: () => sections.accounts(),
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
