/** A directory's configuration with the defaults of bearerd.toml, for tests that need one without reading a file. */
import type { DirectoryConfig, Method } from '../../src/config/config.ts'

type Settings = Partial<Omit<DirectoryConfig, 'require'>> & { require?: Partial<DirectoryConfig['require']> }

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** One way to ask the provider, at an address or where discovery finds it. */
export function asking(method: Exclude<Method, 'jwt'>, url?: string): DirectoryConfig['endpoint'] {
  return { methods: [method], urls: { [method]: url }, alwaysAsk: false }
}

export function directory({ require, ...settings }: Settings = {}): DirectoryConfig {
  return {
    name: 'main',
    timeoutMs: 5000,
    issuer: undefined,
    endpoint: asking('userinfo', 'https://idp.example.org/userinfo'),
    jwt: { algorithms: [...algorithms], types: ['at+jwt', 'jwt'] },
    keys: { refreshMs: 600_000, maxAgeMs: 86_400_000 },
    leewayMs: 60_000,
    bind: 'never',
    auth: { method: 'none', username: undefined },
    fields: { email: ['email'], username: ['preferred_username'], fullName: ['name'] },
    domains: [],
    require: { audience: [], scopes: [], clients: [], emailVerified: 'if-present', claim: {}, ...require },
    tls: { caFile: undefined, certFile: undefined, keyFile: undefined },
    connections: 128,
    warnings: [],
    ...settings,
  }
}
