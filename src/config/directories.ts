/**
 * Directories: `[directory.NAME]`, one OpenID provider each, checked across their keys.
 *
 * A directory that cannot tell tokens meant for mail from others is allowed, since the providers' forms of Stalwart's
 * documentation are of this kind, but it is warned of.
 */
import { readClientAuth } from './client-auth.ts'
import type { ClientAuth, DirectoryConfig, Method } from './config.ts'
import { listMethods, readEndpoint } from './endpoint.ts'
import { type Folders, openToAll } from './files.ts'
import type { Report } from './report.ts'
import type { RawConfig, RawDirectory } from './schema.ts'
import { readTls } from './tls.ts'
import { quote, urlComplaint } from './values.ts'
import { presetAuth } from './with-preset.ts'

/** `report` begins at `directory`; `fileMode` is that of bearerd.toml. */
export async function readDirectories(
  raw: RawConfig['directory'],
  { folders, fileMode, report }: { folders: Folders; fileMode: number; report: Report },
): Promise<DirectoryConfig[]> {
  const directories: DirectoryConfig[] = []
  for (const [name, table] of raw) {
    warnOfInlineSecrets(table, fileMode, report.within(name))
    directories.push(await readDirectory(name, table, folders, report.within(name)))
  }
  checkDomains(directories, report)
  return directories
}

async function readDirectory(
  name: string,
  raw: RawDirectory,
  folders: Folders,
  report: Report,
): Promise<DirectoryConfig> {
  const { require, fields } = raw
  checkIssuer(raw, report)
  checkKeys(raw.keys, report)
  const endpoint = readEndpoint(raw, report)
  const directory: Omit<DirectoryConfig, 'warnings'> = {
    name,
    timeoutMs: raw.timeout,
    issuer: raw.issuer,
    endpoint,
    jwt: {
      algorithms: raw.jwt.algorithms,
      types: raw.jwt.types.map(type => type.toLowerCase().replace(/^application\//, '')),
    },
    keys: { refreshMs: raw.keys.refresh, maxAgeMs: raw.keys['max-age'] },
    leewayMs: raw.leeway,
    bind: raw.bind,
    auth: (await readAuth(raw, endpoint.methods, folders, report)) ?? { method: 'none', username: undefined },
    fields: { email: fields.email, username: fields.username, fullName: fields['full-name'] },
    domains: [...new Set(raw.domains)],
    require: {
      audience: require.audience ?? [],
      scopes: require.scopes ?? [],
      clients: require.clients ?? [],
      emailVerified: require['email-verified'],
      claim: claimGates(require.claim),
    },
    tls: await readTls(raw.tls, folders, report.within('tls')),
    connections: raw.connections,
  }
  return { ...directory, warnings: checkPurpose(directory, report) }
}

function checkIssuer({ issuer, ...raw }: RawDirectory, report: Report): void {
  const complaint =
    issuer === undefined ? undefined : urlComplaint(issuer, { allowHttp: raw['allow-http'], issuer: true })
  if (complaint !== undefined) report.error(['issuer'], complaint)
}

function checkKeys(keys: RawDirectory['keys'], report: Report): void {
  if (keys['max-age'] < keys.refresh)
    report.error(
      ['keys', 'max-age'],
      'expected at least keys.refresh: keys would be given up before they are fetched again',
    )
}

async function readAuth(
  raw: RawDirectory,
  methods: readonly Method[],
  folders: Folders,
  report: Report,
): Promise<ClientAuth | undefined> {
  if (report.broken(['endpoint', 'method'])) return undefined
  if (methods.includes('introspect')) return readClientAuth(raw.auth, { folders, report: report.within('auth') })
  const brought = presetAuth(raw.preset)
  if (Object.entries(raw.auth).some(([key, value]) => value !== undefined && value !== brought[key]))
    report.warn(['auth'], `not used with endpoint.method = ${listMethods(methods)}: only introspection asks for it`)
  return { method: 'none', username: undefined }
}

function claimGates(raw: RawDirectory['require']['claim']): Record<string, readonly string[]> {
  return Object.fromEntries([...raw].map(([claim, values]) => [claim, values ?? []]))
}

function warnOfInlineSecrets({ auth }: RawDirectory, fileMode: number, report: Report): void {
  const open = openToAll(fileMode)
  if (open === undefined) return
  for (const key of ['secret', 'token', 'key'] as const)
    if (auth[key] !== undefined)
      report.warn(['auth', key], `the secret stands in a file ${open}; or use auth.${key}-file`)
}

type Purpose = Pick<DirectoryConfig, 'endpoint' | 'require'>

/**
 * That tokens meant for mail are told from others: see RFC 9700 section 2.3 for the confused deputy. Returns the warnings,
 * which `status` repeats.
 */
function checkPurpose({ endpoint: { methods }, require }: Purpose, report: Report): string[] {
  if (report.broken(['endpoint', 'method'])) return []
  if (methods.includes('jwt') && require.audience.length === 0 && require.clients.length === 0) {
    report.error(
      ['require', 'audience'],
      'needed for "jwt" (RFC 9068 section 4): the name by which the provider calls the mail server in the tokens meant for it; or set require.clients',
    )
    return []
  }
  const warnings = purposeWarnings(methods, require)
  for (const warning of warnings) report.warn(['require'], warning)
  return warnings
}

function purposeWarnings(methods: readonly Method[], require: DirectoryConfig['require']): string[] {
  const asked = (['audience', 'clients', 'scopes'] as const).filter(key => require[key].length > 0)
  if (asked.length === 0)
    return [
      "any application that was ever given a user's token by this provider can read her mail with it; set require.audience, require.clients or require.scopes to what only the tokens of mail clients have",
    ]
  if (methods[0] === 'userinfo')
    return [
      `userinfo does not tell ${asked.join(', ')} of a token: they are read in tokens that are JWTs, and opaque tokens are refused; for those, use endpoint.method = "introspect"`,
    ]
  return []
}

function checkDomains(directories: readonly DirectoryConfig[], report: Report): void {
  const owners = new Map<string, string>()
  for (const { name, domains } of directories)
    for (const domain of domains) {
      const owner = owners.get(domain)
      if (owner !== undefined) report.error([name, 'domains'], `${domain} belongs to directory ${quote(owner)} already`)
      else owners.set(domain, name)
    }
  const [first, ...others] = directories.filter(({ domains }) => domains.length === 0)
  for (const { name } of others)
    report.warn(
      [name],
      `has no "domains", and so has ${quote(first?.name ?? '')}, which comes first and is the default; only accounts with directory = ${quote(name)} come here`,
    )
}
