/** A directory's configuration with the defaults of bearerd.toml, for tests that need one without reading a file. */
import type { DirectoryConfig } from '../../src/config/config.ts'

type Settings = Partial<Omit<DirectoryConfig, 'require'>> & { require?: Partial<DirectoryConfig['require']> }

export function directory({ require, ...settings }: Settings = {}): DirectoryConfig {
  return {
    name: 'main',
    timeoutMs: 5000,
    issuer: undefined,
    endpoint: { method: 'userinfo', url: 'https://idp.example.org/userinfo' },
    auth: { method: 'none', username: undefined },
    fields: { email: ['email'], username: ['preferred_username'], fullName: ['name'] },
    domains: [],
    require: { audience: [], scopes: [], clients: [], emailVerified: 'if-present', claim: {}, ...require },
    tls: { caFile: undefined, certFile: undefined, keyFile: undefined },
    connections: 128,
    ...settings,
  }
}
