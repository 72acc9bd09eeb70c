/** Accounts: `[accounts]`, checked across its keys and against the directories. The files themselves are read elsewhere. */
import { dirname, resolve } from 'node:path'
import type { AccountsConfig, DirectoryConfig } from './config.ts'
import type { Report } from './report.ts'
import type { RawConfig } from './schema.ts'
import { nearest } from './suggest.ts'
import { placeholders, quote } from './values.ts'

const knownPlaceholders = ['address', 'local', 'domain']

/** `report` begins at `accounts`; relative files belong to the folder of `file`, bearerd.toml. */
export function readAccounts(
  raw: RawConfig['accounts'],
  { file, directories, report }: { file: string; directories: readonly DirectoryConfig[]; report: Report },
): AccountsConfig {
  const files = readFiles(raw.files ?? [], dirname(file), report)
  if (raw.unknown === 'create') checkCreate(files, directories, report)
  checkCreateDomains(raw, directories, report)
  return {
    configFile: file,
    files,
    unknown: raw.unknown,
    recipientDelimiter: raw['recipient-delimiter'],
    defaults: readDefaults(raw.defaults, report.within('defaults')),
    create: { domains: raw.create.domains ?? [], perHour: raw.create['per-hour'] },
  }
}

function readFiles(names: readonly string[], folder: string, report: Report): string[] {
  const files = names.map(name => resolve(folder, name))
  for (const [index, file] of files.entries()) {
    if (!/\.(toml|jsonl)$/.test(file)) report.error(['files', index], 'expected a file that ends in .toml or .jsonl')
    if (files.indexOf(file) < index) report.error(['files', index], `${file} is in the list already`)
  }
  return files
}

function checkCreate(files: readonly string[], directories: readonly DirectoryConfig[], report: Report): void {
  if (files.length > 0 && !files.some(file => file.endsWith('.jsonl')))
    report.error(['unknown'], '"create" adds accounts to the last .jsonl file of accounts.files, and there is none')
  const open = directories.filter(
    ({ require: { audience, clients, scopes, claim } }) =>
      [...audience, ...clients, ...scopes, ...Object.keys(claim)].length === 0,
  )
  if (open.length > 0)
    report.warn(
      ['unknown'],
      `anybody with a token of ${open.map(({ name }) => quote(name)).join(', ')} gets a mailbox; set require.claim, or another of require.*, to say who may`,
    )
}

function checkCreateDomains(
  { unknown, create: { domains = [] } }: RawConfig['accounts'],
  directories: readonly DirectoryConfig[],
  report: Report,
): void {
  if (unknown !== 'create' && domains.length > 0) report.warn(['create'], `not used with unknown = ${quote(unknown)}`)
  if (unknown !== 'create' || directories.some(directory => directory.domains.length === 0)) return
  for (const [index, domain] of domains.entries())
    if (!directories.some(directory => directory.domains.includes(domain)))
      report.warn(['create', 'domains', index], `no directory is responsible for ${domain}: add it to "domains" of one`)
}

/** Fields that say where an account's mail is: not to be the same for all. */
const places = ['home', 'mail', 'mail_path', 'mail_location', 'chroot']

function readDefaults(raw: RawConfig['accounts']['defaults'], report: Report): Record<string, string> {
  for (const [field, value = ''] of raw) {
    for (const name of placeholders(value))
      if (!knownPlaceholders.includes(name)) report.error([field], badPlaceholder(name))
    if (field === 'uid' && /^(0+|root)$/.test(value))
      report.error([field], 'mail is not stored as root: expected another user')
    if (places.includes(field)) checkPlace(field, value, report)
  }
  return Object.fromEntries([...raw].map(([field, value]) => [field, value ?? '']))
}

/** Whoever has another's home reads her mail. Dovecot expands no variables in what a userdb answers. */
function checkPlace(field: string, value: string, report: Report): void {
  if (/%[a-z{]/i.test(value))
    report.error([field], "Dovecot's variables are not replaced here: expected {local}, {domain} or {address}")
  else if (field === 'home' && !value.startsWith('/')) report.error([field], 'expected an absolute path')
  else if (field === 'home' && !/\{(local|address)\}/.test(value))
    report.error([field], 'all accounts would have the same mail: expected {local} or {address} in it')
  else if (value.includes('{local}') && !/\{(domain|address)\}/.test(value))
    report.warn([field], 'accounts of two domains with the same local part would have the same mail; add {domain}')
}

function badPlaceholder(name: string): string {
  const meant = nearest(name, knownPlaceholders)
  const known = knownPlaceholders.map(word => `{${word}}`).join(', ')
  return `unknown placeholder ${quote(`{${name}}`)}; ${meant === undefined ? `known are ${known}` : `did you mean {${meant}}?`}`
}
