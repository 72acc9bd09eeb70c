/**
 * Site: the made-up mail site that every figure is taken on: accounts `user0@example.org` upwards, tokens, requests.
 *
 * A token looks as providers' tokens do today: a JWT with issuer, audience, scope and expiry, 800 characters long, signed
 * by ES256. Who asks the provider (`idp.ts`) doesn't look at the signature; that one reads the owner out of the token and so
 * needs no list of tokens.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { Request } from './load.ts'

export const domain = 'example.org'
export const issuer = 'https://accounts.example.org'
const tokenLength = 800
const signatureLength = 86
const noise = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 167 + 13) % 256)).toString('base64url')
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const kid = '2026-01'

/** The issuer's keys (RFC 7517), as text. */
export const jwks = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }],
})

export function address(user: number): string {
  return `user${user}@${domain}`
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = base64url({ typ: 'at+jwt', alg: 'ES256', kid })

/** A token of this user; `serial` makes it differ from her others. */
export function token(user: number, serial: number): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    sub: `sub-${user}`,
    aud: 'mail',
    client_id: 'mua',
    scope: 'openid email',
    email: address(user),
    iat: now,
    exp: now + 3600,
    jti: serial,
  }
  const bare = `${header}.${base64url({ ...claims, pad: '' })}.`.length + signatureLength
  const pad = noise.slice(0, Math.max(0, Math.floor(((tokenLength - bare) * 3) / 4)))
  const signed = `${header}.${base64url({ ...claims, pad })}`
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** A login as imap-login sends it. OAUTHBEARER for odd ids, XOAUTH2 for even ones. */
export function login(id: number, user: number, bearer: string): Request {
  const name = address(user)
  const oauthbearer = id % 2 === 1
  const response = oauthbearer
    ? `n,a=${name},\x01host=mail.${domain}\x01port=993\x01auth=Bearer ${bearer}\x01\x01`
    : `user=${name}\x01auth=Bearer ${bearer}\x01\x01`
  const fields = [
    'AUTH',
    id,
    oauthbearer ? 'OAUTHBEARER' : 'XOAUTH2',
    'service=imap',
    'secured=tls',
    'session=cDX0Tc9gMKt/AAAB',
    'lip=192.0.2.1',
    'rip=198.51.100.7',
    'lport=993',
    'rport=43824',
    `resp=${Buffer.from(response, 'latin1').toString('base64')}`,
  ]
  return { bytes: Buffer.from(`${fields.join('\t')}\n`), reply: `OK\t${id}\tuser=${name}` }
}

/** What lmtp asks for each recipient. */
export function userdbLookup(id: number, user: number): Request {
  const name = address(user)
  const fields = ['USER', id, name, 'service=lmtp', 'lip=127.0.0.1', 'rip=127.0.0.1', 'lport=24', 'rport=43824']
  return { bytes: Buffer.from(`${fields.join('\t')}\n`), reply: `USER\t${id}\t${name}` }
}

/** What smtpd 3.7 asks of `check_policy_service` for each recipient. */
export function policyRequest(user: number): Request {
  const attributes = {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    protocol_name: 'ESMTP',
    client_address: '198.51.100.7',
    client_name: 'mx.example.net',
    client_port: '43824',
    reverse_client_name: 'mx.example.net',
    server_address: '192.0.2.1',
    server_port: '25',
    helo_name: 'mx.example.net',
    sender: 'bob@example.net',
    recipient: address(user),
    recipient_count: '0',
    queue_id: '',
    instance: '1a2b.6500f1a2.3c4d5.0',
    size: '4711',
    etrn_domain: '',
    stress: '',
    sasl_method: '',
    sasl_username: '',
    sasl_sender: '',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: '',
    ccert_pubkey_fingerprint: '',
    encryption_protocol: 'TLSv1.3',
    encryption_cipher: 'TLS_AES_256_GCM_SHA384',
    encryption_keysize: '256',
    policy_context: '',
  }
  const lines = Object.entries(attributes).map(([name, value]) => `${name}=${value}\n`)
  return { bytes: Buffer.from(`${lines.join('')}\n`), reply: 'action=DUNNO\n\n' }
}

/** What smtpd asks of `virtual_mailbox_maps = socketmap:…:mailbox` for each recipient. */
export function mapLookup(user: number): Request {
  const query = `mailbox ${address(user)}`
  const answer = `OK ${address(user)}`
  return { bytes: Buffer.from(`${query.length}:${query},`), reply: `${answer.length}:${answer},` }
}

/** One line an account: bearerd's JSON Lines, or a passwd-file for Dovecot. */
export async function writeAccounts(file: string, format: 'jsonl' | 'passwd', count: number): Promise<void> {
  const out = createWriteStream(file, { mode: 0o644 })
  for (let first = 0; first < count; first += 1000) {
    let lines = ''
    for (let user = first; user < Math.min(first + 1000, count); user++) {
      lines +=
        format === 'jsonl'
          ? `{"address":"${address(user)}"}\n`
          : `${address(user)}::5000:5000::/var/vmail/${domain}/user${user}::\n`
    }
    if (!out.write(lines)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
  // bearerd waits a moment with a file that was just written to; an administrator's mostly weren't.
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(file, longAgo, longAgo)
}
