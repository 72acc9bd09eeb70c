/**
 * LOGIN (draft-murchison-sasl-login): PLAIN's forerunner, which Outlook takes where it can: name and password, each asked
 * for by a challenge.
 *
 * The challenges are Dovecot's (auth/mech-login.c), word for word: to old clients they mean something. As there, an
 * initial response is the name, and an empty one is none: the draft has no initial response, clients have. PURE.
 */

import type { Challenge, Exchange, Mechanism, MechanismOptions } from './mechanism.ts'
import { readName, readPassword } from './message.ts'

export const login: Mechanism = {
  name: 'LOGIN',
  flags: ['plaintext'],
  failure: undefined,
  start,
}

function start(options: MechanismOptions): Exchange {
  let state: 'new' | 'name' | 'password' | 'done' = 'new'
  let authcid = ''
  return response => {
    if (state === 'done') throw new Error('a SASL exchange was continued after its end')
    if (state === 'new' && !response?.length) {
      state = 'name'
      return challenge('Username:')
    }
    if (response === undefined) throw new Error('a SASL challenge was answered with nothing')
    const text = response.toString('latin1')
    if (state === 'password') {
      state = 'done'
      const secret = readPassword(text, options)
      return 'kind' in secret ? secret : { kind: 'password', authcid, password: secret.password, authzid: undefined }
    }
    const read = readName(text)
    if ('kind' in read) {
      state = 'done'
      return read
    }
    state = 'password'
    authcid = read.name
    return challenge('Password:')
  }
}

function challenge(prompt: string): Challenge {
  return { kind: 'challenge', data: Buffer.from(prompt) }
}
