/**
 * Issuer keys: where one provider's keys come from, and what they verify: tokens, and answers that are signed.
 *
 *   signed userinfo       OpenID Connect Core 1.0 section 5.3.2
 *   signed introspection  RFC 9701: of the type "token-introspection+jwt", the answer a claim of it, for us
 *
 * Fetched from the start where tokens are judged by them; else when the first signed answer comes.
 */
import type { Asked, DirectoryConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import type { DirectoryStatus } from '../status.ts'
import type { Discovery } from './discovery.ts'
import { Fault } from './fault.ts'
import { describe } from './health.ts'
import { isObject } from './json.ts'
import type { KeySet } from './jws.ts'
import { createKeys, type Keys, type KeysOptions } from './keys.ts'
import type { Endpoints, OpenId } from './openid.ts'
import type { Claims } from './token-verdict.ts'

export type KeyDisk = NonNullable<KeysOptions['disk']>

export type IssuerKeys = {
  readonly verify: (jws: string) => ReturnType<Keys['verify']>
  /** The JSON of a signed answer. Rejects with a Fault where it isn't the provider's. */
  openSigned(jws: string, method: Asked): Promise<Claims>
  status(): DirectoryStatus['keys']
  stop(): Promise<void>
}

export type IssuerKeysOptions = {
  readonly log: Log
  readonly openid: OpenId
  readonly endpoints: Discovery<Endpoints>
  readonly disk: KeyDisk | undefined
  readonly onWithdrawn: () => void
}

export function createIssuerKeys(config: DirectoryConfig, options: IssuerKeysOptions): IssuerKeys {
  const { name, issuer, auth } = config
  const { log, openid, endpoints, disk, onWithdrawn } = options
  let keys: Keys | undefined

  async function fetchKeys(): Promise<KeySet> {
    const found = endpoints.current() ?? (await endpoints.discover())
    // Endpoints that are configured need no discovery, but the keys do.
    const url = found.jwks ?? (await discoverAddress())
    try {
      return await openid.keys(url)
    } catch (error) {
      // The keys may have moved: then there is an answer, and discovery knows better.
      if (config.endpoint.urls.jwks !== undefined || !(error instanceof Fault && error.status !== undefined))
        throw error
      const next = (await endpoints.discover()).jwks
      if (next === undefined || next.href === url.href) throw error
      return openid.keys(next)
    }
  }

  async function discoverAddress(): Promise<URL> {
    const url = issuer === undefined ? undefined : (await openid.discover(issuer)).jwks
    if (url === undefined) throw new Fault('NO_KEYS_ADDRESS')
    return url
  }

  function open(): Keys {
    if (issuer === undefined) throw new Fault('SIGNED_ANSWER')
    keys ??= createKeys({
      fetch: fetchKeys,
      disk,
      issuer,
      ...config.keys,
      onWithdrawn,
      onDiskFailed: error => {
        const failure = { event: 'keys', directory: name, ...describeError(error) }
        log.warn(
          failure,
          'keys cannot be kept in the state directory; a restart while the provider is down will lack them',
        )
      },
      onFailed: error => {
        const failure = describe('keys of the issuer', error)
        const message =
          keys?.state() === undefined
            ? 'keys could not be fetched'
            : 'keys could not be fetched; those at hand stay in use'
        log.warn({ event: 'keys', directory: name, ...failure }, message)
      },
    })
    return keys
  }
  if (config.endpoint.methods.includes('jwt')) open()

  async function openSigned(jws: string, method: Asked): Promise<Claims> {
    if (jws.split('.').length === 5) throw new Fault('ENCRYPTED_ANSWER')
    const types = method === 'introspect' ? ['token-introspection+jwt'] : 'any'
    const opened = await open().verify(jws, { algorithms: config.jwt.algorithms, types })
    if (opened.kind === 'refused') throw new Fault('BAD_SIGNED_ANSWER')
    const { payload } = opened
    if (method !== 'introspect') {
      if (payload.iss !== undefined && payload.iss !== issuer) throw new Fault('BAD_SIGNED_ANSWER')
      return payload
    }
    const { iss, aud, token_introspection: answer } = payload
    const isForUs = 'username' in auth && [aud].flat().includes(auth.username)
    if (iss !== issuer || !isForUs || !isObject(answer)) throw new Fault('BAD_SIGNED_ANSWER')
    return answer
  }

  function status(): DirectoryStatus['keys'] {
    const held = keys?.state()
    return held && { count: held.count, fetched: new Date(held.fetchedMs).toISOString() }
  }

  return { verify: jws => open().verify(jws, config.jwt), openSigned, status, stop: async () => keys?.stop() }
}
