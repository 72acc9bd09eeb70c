/**
 * Schema: the keys of bearerd.toml, their types, limits and defaults, in one table. The only importer of valibot.
 *
 * valibot describes the tables and reads the values. The tables are walked here, because valibot's own `object` takes a
 * list or a date for a table, gives up a whole table for one bad value, and drops keys named "constructor". So every
 * problem is found in one go, and what is right beside a problem can still be checked further.
 *
 * What depends on more than one key, or on the machine, is the job of the section files beside this one.
 */
import * as v from 'valibot'
import { canonicalDomain } from '../accounts/address.ts'
import { Secret } from '../secret.ts'
import type { KeyPath } from '../toml.ts'
import type { Method, Protocol } from './config.ts'
import { type Preset, presets } from './presets.ts'
import { nearest } from './suggest.ts'
import { describe, describeKind, parseDuration, parseMode, parseSize, quote } from './values.ts'

type Issue = { readonly input: unknown }

const expected = (what: string) => (issue: Issue) => `expected ${what}, got ${describe(issue.input)}`
const expectedSecret = (issue: Issue) => `expected a string, got ${describeKind(issue.input)}`

/** A refused string is not repeated: a key pasted where the name of its file belongs is one with line ends. */
function string(what = 'a string') {
  return v.pipe(
    v.string(expected(what)),
    v.nonEmpty(`expected ${what}, got an empty string`),
    v.regex(/^\P{Cc}+$/u, `expected ${what}, got one with line ends or other control characters`),
  )
}
const text = string()
const file = string('a file such as "/etc/bearerd/client-secret"')
const secret = v.pipe(
  v.string(expectedSecret),
  v.nonEmpty('expected a secret, got an empty string'),
  v.transform(value => new Secret(value)),
)
/** Not told by its value: a password may be in it. `urlComplaint` looks closer. */
const url = v.string(expected('a URL such as "https://accounts.example.org"'))
const boolean = v.boolean(expected('true or false'))

/** A table's own key, where the file's author chooses it: it is seen in logs. */
const name = v.pipe(
  v.string(),
  v.regex(/^[^\s\p{C}]{1,64}$/u, 'expected a name of 1 to 64 printable characters without spaces'),
)
const field = v.pipe(
  v.string(),
  v.regex(/^[^\s\p{C}=]+$/u, 'expected the name of a userdb field, without spaces and "="'),
)

function choice<const T extends readonly string[]>(...words: T) {
  const listed = words.map(quote).join(', ')
  return v.picklist(words, expected(words.length === 1 ? listed : `one of ${listed}`))
}

function integer(minimum: number, maximum: number) {
  const fits = (value: unknown): boolean =>
    Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum
  const got = (value: unknown): string => (typeof value === 'number' ? String(value) : describe(value))
  return v.custom<number>(
    fits,
    ({ input }) => `expected a whole number from ${minimum} to ${maximum}, got ${got(input)}`,
  )
}

/** A string that a reader of `values.ts` understands. */
function parsed<T>(what: string, parse: (text: string) => T | undefined) {
  return v.pipe(
    v.string(expected(what)),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value)
      if (value !== undefined) return value
      addIssue({ message: expected(what)({ input: dataset.value }) })
      return NEVER
    }),
  )
}

function measure(what: string, example: string, parse: (text: string) => number | undefined) {
  return (from: string, to: string, because = '') => {
    const [minimum, maximum] = [parse(from) ?? 0, parse(to) ?? 0]
    return v.pipe(
      parsed(`${what} such as ${quote(example)}`, parse),
      v.check(
        value => value >= minimum && value <= maximum,
        `expected ${what} from ${quote(from)} to ${quote(to)}${because}`,
      ),
    )
  }
}
const duration = measure('a duration', '5s', parseDuration)
const size = measure('a size', '16KiB', parseSize)

/** One value may stand for a list of one. An empty list is refused where it could mean "none" as well as "any". */
function list<T>(item: v.GenericSchema<unknown, T> | v.GenericSchema<string, T>, minimum = 1) {
  return v.pipe(
    v.unknown(),
    v.transform(value => (Array.isArray(value) ? value : [value])),
    v.array(item),
    v.minLength(minimum, 'expected at least one entry, got an empty list'),
  )
}

const domain = parsed('a domain such as "example.org"', canonicalDomain)
const mode = parsed('file permissions such as "0660"', parseMode)
const scope = v.pipe(
  text,
  v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, expected('one scope an entry, such as ["openid", "email"]')),
)
const group = v.union(
  [v.pipe(integer(0, 2 ** 32 - 2), v.transform(String)), text],
  expected('the name or number of a group'),
)
const claimValue = v.union(
  [text, v.pipe(v.number(), v.transform(String)), v.pipe(v.boolean(), v.transform(String))],
  expected('a string, or a list of strings (write a claim within another as one key: "realm_access.roles")'),
)
const userdbValue = v.union(
  [v.pipe(v.custom<number>(Number.isSafeInteger), v.transform(String)), text],
  expected('a string or a whole number'),
)
const delimiter = v.pipe(
  v.string(expected('a string')),
  v.regex(
    /^[\x21-\x2f\x3a-\x3f\x5b-\x60\x7b-\x7e]*$/,
    expected('characters such as "+", but no letters, digits, spaces or "@"'),
  ),
)
const methods = ['jwt', 'introspect', 'tokeninfo', 'userinfo'] as const satisfies readonly Method[]

/** RFC 7518 section 3.1, RFC 8037. "none" and HMAC are no choice: with these the token would prove nothing. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

const presetNames = Object.keys(presets) as Preset[]

const protocols = [
  'dovecot-auth',
  'dovecot-master',
  'postfix-sasl',
  'postfix-policy',
  'postfix-socketmap',
] as const satisfies readonly Protocol[]

const listener = v.object({
  protocol: choice(...protocols),
  path: string('a path such as "/run/bearerd/auth-client"'),
  mode: v.optional(mode),
  group: v.optional(group),
  'xoauth2-challenge': v.optional(choice('auto', 'always', 'never')),
})

const directory = v.object({
  type: v.optional(choice('oidc'), 'oidc'),
  preset: v.optional(choice(...presetNames)),
  timeout: v.optional(duration('100ms', '8s', ': Postfix hangs up after 10 s'), '5s'),
  issuer: v.optional(url),
  endpoint: v.object({
    method: v.optional(list(choice(...methods)), 'userinfo'),
    'always-ask': v.optional(boolean, false),
    url: v.optional(url),
    'introspect-url': v.optional(url),
    'tokeninfo-url': v.optional(url),
    'userinfo-url': v.optional(url),
    'jwks-url': v.optional(url),
  }),
  jwt: v.object({
    algorithms: v.optional(list(choice(...algorithms)), [...algorithms]),
    types: v.optional(list(text), ['at+jwt', 'JWT']),
  }),
  keys: v.object({
    refresh: v.optional(duration('1m', '24h'), '10m'),
    'max-age': v.optional(duration('1m', '30d'), '24h'),
  }),
  leeway: v.optional(duration('0s', '5m'), '60s'),
  bind: v.optional(choice('never', 'first-login'), 'never'),
  auth: v.object({
    method: v.optional(choice('none', 'basic', 'post', 'token', 'user-token', 'private-key-jwt')),
    username: v.optional(text),
    secret: v.optional(secret),
    'secret-file': v.optional(file),
    token: v.optional(secret),
    'token-file': v.optional(file),
    key: v.optional(secret),
    'key-file': v.optional(file),
    'key-id': v.optional(text),
    'basic-encoding': v.optional(choice('form', 'raw')),
  }),
  fields: v.object({
    email: v.optional(list(text, 0), ['email']),
    username: v.optional(list(text, 0), ['preferred_username']),
    'full-name': v.optional(list(text, 0), ['name']),
  }),
  domains: v.optional(list(domain)),
  require: v.object({
    audience: v.optional(list(text)),
    scopes: v.optional(list(scope)),
    clients: v.optional(list(text)),
    'email-verified': v.optional(choice('always', 'if-present', 'never'), 'if-present'),
    claim: v.record(text, list(claimValue)),
  }),
  tls: v.object({
    'ca-file': v.optional(file),
    'cert-file': v.optional(file),
    'key-file': v.optional(file),
  }),
  'allow-http': v.optional(boolean, false),
  connections: v.optional(integer(1, 1024), 128),
})

const root = v.object({
  'state-dir': v.optional(string('a folder such as "/var/lib/bearerd"'), '/var/lib/bearerd'),
  accounts: v.object({
    files: list(string('a file such as "/etc/bearerd/accounts.toml"')),
    unknown: v.optional(choice('reject', 'create'), 'reject'),
    'recipient-delimiter': v.optional(delimiter, '+'),
    defaults: v.record(field, userdbValue),
    create: v.object({
      domains: v.optional(list(domain)),
      'per-hour': v.optional(integer(1, 1_000_000), 100),
    }),
  }),
  'app-passwords': v.object({
    enabled: v.optional(boolean, true),
    'accept-tokens': v.optional(boolean, false),
    'failure-delay': v.optional(duration('0s', '5s', ': Postfix hangs up after 10 s'), '2s'),
    verifications: v.optional(integer(1, 64), 2),
  }),
  listen: v.record(name, listener),
  directory: v.record(name, directory),
  cache: v.object({
    ttl: v.optional(duration('0s', '24h'), '60s'),
    'negative-ttl': v.optional(duration('0s', '60s'), '5s'),
    'max-tokens': v.optional(integer(1, 10_000_000), 10_000),
  }),
  limits: v.object({
    connections: v.optional(integer(1, 65_536), 2048),
    requests: v.optional(integer(1, 65_536), 1024),
    'token-size': v.optional(size('256B', '40KiB', ': a line of the mail servers holds 64 KiB in base64'), '16KiB'),
  }),
  log: v.object({
    level: v.optional(choice('debug', 'info', 'warn', 'error'), 'info'),
    format: v.optional(choice('json', 'pretty')),
  }),
  http: v.object({
    listen: v.optional(string('an address and port such as "127.0.0.1:9323", or a path')),
  }),
  control: v.object({
    path: v.optional(string('a path such as "/run/bearerd-control"')),
  }),
})

/** What comes out: every table is there, a value that was refused is its default or undefined. */
type Decoded<S> =
  S extends v.ObjectSchema<infer Entries, infer _>
    ? { readonly [Key in keyof Entries]: Decoded<Entries[Key]> }
    : S extends v.RecordSchema<infer _, infer Value, infer __>
      ? ReadonlyMap<string, Decoded<Value>>
      : S extends v.OptionalSchema<infer _, infer __>
        ? v.InferOutput<S>
        : S extends v.GenericSchema
          ? v.InferOutput<S> | undefined
          : never

export type RawConfig = Decoded<typeof root>
export type RawListener = Decoded<typeof listener>
export type RawDirectory = Decoded<typeof directory>

type OnError = (path: KeyPath, message: string) => void

/** Reads what `parseToml` made of the file. Nothing secret is in a message. */
export function decode(value: unknown, onError: OnError): RawConfig {
  return walk(root, value, [], onError) as RawConfig
}

/** Every key, NAME standing for what the file's author chooses: `listen.NAME.protocol`. */
export function listKeys(): string[] {
  return leaves(root).map(path => path.join('.'))
}

type Leaf = v.GenericSchema
type Table = v.ObjectSchema<Readonly<Record<string, Leaf>>, undefined>
type Named = v.RecordSchema<v.GenericSchema<string, string>, Leaf, undefined>
const isTable = (schema: Leaf): schema is Table => schema.type === 'object'
const isNamed = (schema: Leaf): schema is Named => schema.type === 'record'

function walk(schema: Leaf, value: unknown, path: KeyPath, onError: OnError): unknown {
  if (isTable(schema)) return walkTable(schema, tableOf(value, path, onError), path, onError)
  if (isNamed(schema)) return walkNamed(schema, tableOf(value, path, onError), path, onError)
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  for (const issue of result.issues) {
    const index = issue.path?.[0]?.key
    onError(Array.isArray(value) && typeof index === 'number' ? [...path, index] : path, issue.message)
  }
  return schema.type === 'optional' ? v.safeParse(schema, undefined).output : undefined
}

function walkTable({ entries }: Table, table: object, path: KeyPath, onError: OnError): unknown {
  for (const key of Object.keys(table))
    if (!Object.hasOwn(entries, key)) onError([...path, key], unknownKey(key, entries))
  const given = new Map(Object.entries(table))
  return Object.fromEntries(
    Object.entries(entries).map(([key, schema]) => [key, walk(schema, given.get(key), [...path, key], onError)]),
  )
}

/** A Map, so that a table called "__proto__" is a name like any other. */
function walkNamed({ key: nameSchema, value: schema }: Named, table: object, path: KeyPath, onError: OnError): unknown {
  const output = new Map<string, unknown>()
  for (const [key, value] of Object.entries(table)) {
    const here = [...path, key]
    const result = v.safeParse(nameSchema, key)
    if (result.success) output.set(key, walk(schema, value, here, onError))
    else onError(here, result.issues[0].message)
  }
  return output
}

function tableOf(value: unknown, path: KeyPath, onError: OnError): object {
  if (value === undefined) return {}
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)) return value
  onError(path, `expected a table, got ${describeKind(value)}`)
  return {}
}

/** What other programs call it. */
const otherwise: Readonly<Record<string, string>> = { 'client-id': 'username', 'client-secret': 'secret' }

/** Looks for a key spelled alike, then for the same key in a table beneath: `audience` means `require.audience`. */
function unknownKey(key: string, entries: Table['entries']): string {
  const beneath = Object.entries(entries).flatMap(([name, schema]) => leaves(schema).map(path => [name, ...path]))
  const known = (name: string) => beneath.find(path => path.at(-1) === name)?.join('.')
  const meant = nearest(key, Object.keys(entries)) ?? known(key) ?? known(otherwise[key.replaceAll('_', '-')] ?? '')
  if (meant !== undefined) return `unknown key; did you mean ${quote(meant)}?`
  return `unknown key; known here are ${Object.keys(entries).join(', ')}`
}

function leaves(schema: Leaf): string[][] {
  if (isNamed(schema)) return leaves(schema.value).map(path => ['NAME', ...path])
  if (!isTable(schema)) return [[]]
  return Object.entries(schema.entries).flatMap(([key, child]) => leaves(child).map(path => [key, ...path]))
}
