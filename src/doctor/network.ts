/**
 * Network: whether a provider's host is found, answers and shows a certificate that is good here, each asked by itself,
 * since an HTTP request that fails doesn't always tell which it was.
 *
 * TLS is tried with the authority and the client certificate that the directory names. Every step has the directory's
 * timeout. After the first one that fails, the rest would only say the same in other words.
 */
import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import { connect as connectTls, type PeerCertificate, type SecureContext } from 'node:tls'
import { describeFault, errorCode } from '../oidc/fault.ts'
import type { Findings } from './finding.ts'

export type Reach = { readonly timeoutMs: number; readonly secureContext: SecureContext | undefined }

/** More than anybody has; each is tried. */
const maxAddresses = 8
const dayMs = 24 * 3600_000
const shortLifeDays = 14

/** Whether requests to this origin can get there. */
export async function checkOrigin(origin: string, reach: Reach, findings: Findings): Promise<boolean> {
  const { protocol, hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const isTls = protocol === 'https:'
  const number = Number(port || (isTls ? 443 : 80))
  const addresses = await resolve(host, reach, findings)
  if (addresses === undefined) return false
  const reached = await checkConnections({ host, port: number, addresses }, reach, findings)
  if (reached === undefined || !isTls) return reached !== undefined
  return checkTls({ host, address: reached, port: number }, reach, findings)
}

/** Undefined after a failure. */
async function resolve(host: string, { timeoutMs }: Reach, findings: Findings): Promise<string[] | undefined> {
  if (isIP(host) !== 0) return [host]
  const check = `DNS of ${host}`
  try {
    const found = await within(timeoutMs, lookup(host, { all: true }))
    const addresses = [...new Set(found.map(({ address }) => address))]
    findings.ok(check, addresses.join(', '))
    return addresses.slice(0, maxAddresses)
  } catch (error) {
    fail(check, codeOf(error), findings)
    return undefined
  }
}

type Target = { readonly host: string; readonly port: number; readonly addresses: readonly string[] }

/** The first address that answers. A dead one among good ones costs every new connection time. */
async function checkConnections(target: Target, reach: Reach, findings: Findings): Promise<string | undefined> {
  const { host, port, addresses } = target
  const check = `connection to ${host}:${port}`
  const tries = await Promise.all(
    addresses.map(async address => ({ address, code: await tryConnect(address, port, reach) })),
  )
  const good = tries.find(({ code }) => code === undefined)
  const [bad, ...more] = tries.filter(({ code }) => code !== undefined)
  if (good === undefined) {
    fail(check, bad?.code ?? 'ENOTFOUND', findings)
    return undefined
  }
  if (bad === undefined) findings.ok(check, 'is accepted')
  else
    findings.warn(check, `${[bad, ...more].map(({ address, code }) => `${address}: ${code}`).join(', ')}`, {
      expected: `an answer at each address, as at ${good.address}`,
      cure: 'Mend the route to the other addresses, or take them out of DNS: logins may have to wait for them.',
    })
  return good.address
}

/** The code of the failure. */
function tryConnect(address: string, port: number, { timeoutMs }: Reach): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect({ host: address, port })
    const finish = (code?: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(code)
    }
    const timer = setTimeout(() => finish('TIMEOUT'), timeoutMs)
    socket.once('connect', () => finish())
    socket.once('error', error => finish(codeOf(error)))
  })
}

type Place = { readonly host: string; readonly address: string; readonly port: number }

async function checkTls(place: Place, reach: Reach, findings: Findings): Promise<boolean> {
  const check = `TLS of ${place.host}`
  const shaken = await shakeHands(place, reach)
  if ('code' in shaken) {
    fail(check, shaken.code, findings, shaken.certificate && `; ${describeCertificate(shaken.certificate)}`)
    return false
  }
  const days = Math.floor((Date.parse(shaken.certificate.valid_to) - Date.now()) / dayMs)
  const seen = `${shaken.protocol}, ${describeCertificate(shaken.certificate)}`
  if (days < shortLifeDays)
    findings.warn(check, `${seen}: ${days} days left`, {
      expected: `at least ${shortLifeDays} days`,
      cure: 'Renew the certificate of the provider, or see why that does not happen by itself.',
    })
  else findings.ok(check, seen)
  return true
}

type Shaken =
  | { readonly protocol: string; readonly certificate: PeerCertificate }
  | { readonly code: string; readonly certificate?: PeerCertificate | undefined }

function shakeHands({ host, address, port }: Place, { timeoutMs, secureContext }: Reach): Promise<Shaken> {
  return new Promise(resolve => {
    const socket = connectTls({
      host: address,
      port,
      // RFC 6066 section 3: no addresses.
      ...(isIP(host) === 0 && { servername: host }),
      ...(secureContext && { secureContext }),
      // To see the certificate, also if it is no good; nothing is sent.
      rejectUnauthorized: false,
    })
    const finish = (shaken: Shaken): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(shaken)
    }
    const timer = setTimeout(() => finish({ code: 'TIMEOUT' }), timeoutMs)
    socket.once('error', error => finish({ code: codeOf(error) }))
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate()
      // A code, whatever its type says (node:tls, onConnectSecure).
      if (!socket.authorized) finish({ code: String(socket.authorizationError), certificate })
      else finish({ protocol: socket.getProtocol() ?? 'TLS', certificate })
    })
  })
}

/** When it ends; of whom it is, the failure tells. */
function describeCertificate({ valid_to }: PeerCertificate): string {
  const end = Date.parse(valid_to)
  return `certificate valid until ${Number.isNaN(end) ? '?' : new Date(end).toISOString().slice(0, 10)}`
}

function fail(check: string, code: string, findings: Findings, more = ''): void {
  const { cause, cure } = describeFault(code)
  findings.fail(check, `${cause}${more}`, { cure, unreachable: true })
}

function codeOf(error: unknown): string {
  return errorCode(error) ?? 'unknown error'
}

function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('late'), { code: 'TIMEOUT' })), timeoutMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
