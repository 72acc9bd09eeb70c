/**
 * Script: an `authenticate` whose verdict stands in the token or password, for tests of the protocols in front of it.
 *
 *   good      accept alice@example.org        theirs    reject: the token is somebody else's
 *   bad       reject: invalid token           disabled  reject: the account is disabled
 *   scope     reject: insufficient scope      down      unavailable
 *   slow      no verdict until `answer()`     broken    throws
 *   wrong     reject, to be told when two seconds have passed
 */
import type { Authenticate, LoginRequest, Reject, Verdict } from '../../src/auth/verdict.ts'
import { account } from './accounts.ts'

export type Script = {
  readonly authenticate: Authenticate
  /** Every login that was asked about. */
  readonly asked: readonly LoginRequest[]
  /** Gives the verdict of the oldest login that waits for one. */
  answer(secret: string): void
}

export const alice = account({ address: 'alice@example.org' })

export function createScript(): Script {
  const asked: LoginRequest[] = []
  const waiting: { login: LoginRequest; resolve: (verdict: Verdict) => void }[] = []
  return {
    asked,
    authenticate: async login => {
      asked.push(login)
      const secret = secretOf(login)
      if (secret === 'broken') throw new Error('as the script says')
      if (secret === 'slow') return new Promise(resolve => waiting.push({ login, resolve }))
      return verdictOn(secret, login)
    },
    answer: secret => {
      const next = waiting.shift()
      if (next === undefined) throw new Error('no login waits for a verdict')
      next.resolve(verdictOn(secret, next.login))
    },
  }
}

function secretOf({ credentials }: LoginRequest): string {
  if (credentials.kind === 'malformed') return 'malformed'
  return credentials.kind === 'token' ? credentials.token : credentials.password
}

function userOf({ credentials }: LoginRequest): string | undefined {
  if (credentials.kind === 'malformed') return undefined
  return credentials.kind === 'token' ? credentials.authzid : credentials.authcid
}

function verdictOn(secret: string, login: LoginRequest): Verdict {
  const { credentials } = login
  const user = userOf(login)
  const refused: Reject = {
    kind: 'reject',
    reason: 'token_refused',
    oauth: { status: 'invalid_token', scope: 'openid email', openidConfiguration: undefined },
    code: undefined,
    userMessage: undefined,
    user,
  }
  switch (secret) {
    case 'good':
      return { kind: 'accept', account: alice }
    case 'theirs':
      return { ...refused, reason: 'authz_fail', code: 'authz_fail', userMessage: 'Signed in as somebody else.' }
    case 'disabled':
      return { ...refused, reason: 'account_disabled', code: 'user_disabled' }
    case 'scope':
      return { ...refused, reason: 'insufficient_scope', oauth: { ...refused.oauth, status: 'insufficient_scope' } }
    case 'wrong':
      return { ...refused, reason: 'wrong_password', dueMs: performance.now() + 2000 }
    case 'down':
      return { kind: 'unavailable', reason: 'provider_unavailable', user }
    case 'malformed':
      return {
        ...refused,
        reason: credentials.kind === 'malformed' && credentials.truncated ? 'truncated' : 'malformed',
        oauth: { status: 'invalid_request', scope: undefined, openidConfiguration: undefined },
      }
    default:
      return refused
  }
}
