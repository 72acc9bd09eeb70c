/**
 * Endpoints: whether each answers as what it is configured to be, asked about a token that nobody has issued.
 *
 *   userinfo       refuses it (RFC 6750 section 3.1)
 *   introspection  calls it inactive, which it tells only to clients whose credentials it takes (RFC 7662 section 2.2)
 *   tokeninfo      refuses it
 */
import type { DirectoryConfig } from '../config/config.ts'
import { quote } from '../config/values.ts'
import { refusal } from '../oidc/answer.ts'
import type { Fault } from '../oidc/fault.ts'
import type { Reply } from '../oidc/probe.ts'
import { failByFault } from './findings.ts'
import type { Visit } from './visit.ts'

export async function checkUserinfo(url: string, visit: Visit): Promise<void> {
  checkRefused('userinfo', url, await visit.ask(probe => probe.userinfo(url)), visit)
}

export async function checkTokeninfo(url: string, visit: Visit): Promise<void> {
  checkRefused('tokeninfo', url, await visit.ask(probe => probe.tokeninfo(url)), visit)
}

export async function checkIntrospection(url: string, visit: Visit): Promise<void> {
  const { directory, findings } = visit
  const { method } = directory.auth
  const reply = await visit.ask(probe => probe.introspect(url))
  if ('fault' in reply) {
    tellIntrospectionFault(url, reply.fault, visit)
    return
  }
  const { active } = reply.claims
  if (active === false) {
    findings.ok('introspection', `${url}: calls a made-up token inactive`)
    findings.ok('client credentials', method === 'none' ? 'none are asked for' : 'accepted')
    return
  }
  const cure = 'Check the address: an introspection endpoint answers {"active":false} to a token that it did not issue.'
  const seen = active === true ? 'calls a made-up token active' : 'the answer has no "active"'
  findings.fail('introspection', `${url}: ${seen}`, { expected: '{"active":false}', cure })
}

function tellIntrospectionFault(url: string, fault: Fault, visit: Visit): void {
  const { directory, findings } = visit
  // The made-up token was the credential.
  const isExpected = directory.auth.method === 'user-token' && refusal(fault) !== undefined
  // Without an issuer there is nothing to check its signature by.
  if (fault.code === 'SIGNED_ANSWER' && directory.issuer !== undefined)
    findings.ok('introspection', `${url}: gives a signed answer`)
  else if (isExpected) tellRefused('introspection', url, fault, visit)
  else if (isClientRefused(fault)) {
    findings.ok('introspection', url)
    findings.fail('client credentials', `refused (${word(fault)})`, { cure: credentialsCure(directory) })
  } else failByFault('introspection', url, fault, findings)
}

function checkRefused(check: string, url: string, reply: Reply, visit: Visit): void {
  if ('claims' in reply)
    visit.findings.fail(check, `${url}: accepts a made-up token`, {
      expected: 'a refusal: status 401',
      cure: `Check the address: anybody could log in with anything. Is it the ${check} endpoint?`,
    })
  else if (refusal(reply.fault) !== undefined) tellRefused(check, url, reply.fault, visit)
  else failByFault(check, url, reply.fault, visit.findings)
}

function tellRefused(check: string, url: string, fault: Fault, { findings }: Visit): void {
  findings.ok(check, `${url}: refuses a made-up token (${word(fault)})`)
}

function word({ status, oauthError }: Fault): string {
  return `status ${status}${oauthError === undefined ? '' : `, ${oauthError}`}`
}

function isClientRefused({ status, oauthError }: Fault): boolean {
  return status === 401 || status === 403 || oauthError === 'invalid_client' || oauthError === 'unauthorized_client'
}

function credentialsCure({ auth }: DirectoryConfig): string {
  switch (auth.method) {
    case 'none':
      return 'Register a client for bearerd at the provider, and set auth.method, auth.username and auth.secret-file.'
    case 'token':
      return 'Check auth.token: it may have ended, or lack the right to introspect.'
    case 'user-token':
      return 'The provider wants a client of its own for introspection: set auth.method = "basic" with its id and secret.'
    case 'private-key-jwt':
      return `Check that client ${quote(auth.username)} has the public key of auth.key at the provider, and auth.key-id.`
    case 'basic':
    case 'post': {
      const encoding =
        auth.method === 'basic' && auth.encoding === 'form'
          ? '; auth.basic-encoding = "raw" helps with some providers'
          : ''
      return `Check the secret of client ${quote(auth.username)} at the provider, and that it may introspect${encoding}.`
    }
  }
}
