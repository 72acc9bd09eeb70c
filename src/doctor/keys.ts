/** Keys: whether the issuer's key set (RFC 7517) holds one that its tokens could be judged by here. */
import { describeFault, Fault } from '../oidc/fault.ts'
import { algorithmsOf, createKeySet } from '../oidc/jws.ts'
import { failByFault } from './findings.ts'
import type { Visit } from './visit.ts'

export async function checkKeys(url: string, { directory, findings, ask }: Visit): Promise<void> {
  const reply = await ask(probe => probe.read(url))
  if ('fault' in reply) {
    failByFault('keys', url, reply.fault, findings)
    return
  }
  const set = await createKeySet(reply.claims).catch(faultOrRethrow)
  if (set instanceof Fault) {
    const { cause, cure } = describeFault(set.code)
    findings.fail('keys', `${url}: ${cause}`, { cure })
    return
  }
  const { algorithms } = directory.jwt
  const usable = set.keys.filter(key => algorithmsOf(key).some(name => algorithms.includes(name)))
  if (usable.length > 0)
    findings.ok('keys', `${set.names.join(', ')}: ${usable.length} of ${set.keys.length} can be used`)
  else
    findings.fail('keys', `none of ${set.names.join(', ')} can be used`, {
      expected: `a public key for one of ${algorithms.join(', ')}`,
      cure: 'Have the provider sign access tokens with such a key (not with HS256); or add to jwt.algorithms.',
    })
}

function faultOrRethrow(error: unknown): Fault {
  if (error instanceof Fault) return error
  throw error
}
