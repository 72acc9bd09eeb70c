/** Reading JWTs: every token is one that keeps the rules, or is refused in words that show nothing of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { peekJwt, readJws } from '../../src/oidc/jwt.ts'
import type { JwsRules } from '../../src/oidc/keys.ts'
import { list, quote } from '../../src/oidc/quote.ts'
import { part } from '../support/jws.ts'

const rules: JwsRules = { algorithms: ['RS256', 'EdDSA'], types: ['at+jwt', 'jwt'] }
const claims = fc.dictionary(fc.constantFrom('iss', 'sub', 'aud', 'exp', '__proto__'), fc.jsonValue({ maxDepth: 3 }))
const signature = fc.uint8Array({ minLength: 1, maxLength: 80 }).map(bytes => part(Buffer.from(bytes)))

test('a JWT is seen, or nothing, in any text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
      peekJwt(`${a}.${b}.${c}`)
      peekJwt(`${part(a)}.${part(b)}.${c}`)
    }),
  )
})

const text = fc.oneof(fc.constantFrom('RS256', 'Ed25519', 'EdDSA', 'none', 'HS256', 'at+jwt', 'JWT'), fc.string())
const member = fc.oneof(text, fc.jsonValue({ maxDepth: 1 }))
const header = fc.dictionary(fc.constantFrom('alg', 'kid', 'typ', 'crit', 'jwk', 'b64'), member)
/** Mostly what may be, so that each rule is the one that decides now and then. */
const goodHeader = fc.record(
  {
    alg: fc.constantFrom('RS256', 'EdDSA', 'Ed25519', 'ES256', 'none'),
    kid: fc.oneof(fc.string(), fc.constant(5)),
    typ: fc.constantFrom('JWT', 'at+jwt', 'application/AT+jwt', 'id+jwt', 7),
    crit: fc.constantFrom([], ['exp']),
  },
  { requiredKeys: ['alg'] },
)

test('what is read keeps the rules, is read as it is, and is what a look shows', () => {
  fc.assert(
    fc.property(fc.oneof(header, goodHeader), claims, signature, (head: Record<string, unknown>, payload, end) => {
      const token = `${part(head)}.${part(payload)}.${end}`
      const jws = readJws(token, rules)
      const keepsThem =
        ['RS256', 'EdDSA', 'Ed25519'].includes(head.alg as string) &&
        ['undefined', 'string'].includes(typeof head.kid) &&
        !Object.hasOwn(head, 'crit') &&
        /^((application\/)?(at\+)?jwt|undefined)$/i.test(String(head.typ)) &&
        !Array.isArray(head.typ)
      assert.equal(jws.kind === 'jws', keepsThem)
      if (jws.kind !== 'jws') return
      assert.deepEqual([jws.alg, jws.kid], [head.alg, head.kid])
      assert.deepEqual({ header: jws.header, payload: jws.payload }, peekJwt(token))
    }),
    { numRuns: 1000 },
  )
})

test('one character more, less or other: refused, or another content', () => {
  const token = `${part({ alg: 'RS256', kid: 'k', typ: 'at+jwt' })}.${part({ sub: 'alice' })}.${part('signature')}`
  const change = fc.tuple(
    fc.nat(token.length),
    fc.constantFrom('', '.', '=', 'A', '_', '-', '+', '/', ' ', '\n', 'ä', '\u0000'),
    fc.nat(2),
  )
  const spelled = new Set<string>()
  fc.assert(
    fc.property(change, ([at, character, gone]) => {
      const changed = token.slice(0, at) + character + token.slice(at + gone)
      const jws = readJws(changed, rules)
      if (jws.kind !== 'jws') return
      // There is one text for the bytes.
      const again = changed.split('.').map(text => part(Buffer.from(text, 'base64url')))
      assert.equal(again.join('.'), changed)
      spelled.add(changed)
    }),
    { numRuns: 2000 },
  )
  assert.ok(spelled.size > 1)
})

test('a refusal is short, in one line, and shows nothing but alg, typ and kid', () => {
  const secret = 'c2VjcmV0LW9mLWFsaWNl'
  fc.assert(
    fc.property(fc.oneof(header, goodHeader), fc.array(fc.constantFrom('.', secret, part({}), '=')), (head, rest) => {
      for (const token of [
        `${part(head)}.${rest.join('')}`,
        `${part({ ...head, secret })}.${part({ secret })}.`,
        rest.join(''),
      ]) {
        const refused = readJws(token, rules)
        if (refused.kind === 'jws') continue
        const said = `${refused.detail} ${refused.expected}`
        assert.doesNotMatch(said, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
        assert.ok(said.length < 600)
        assert.ok(!said.includes(secret))
      }
    }),
  )
})

test('a quote is one line of at most 256 characters of the text, from which it can be told where it ends', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => {
      const quoted = quote(text)
      assert.match(quoted, /^"(?:[^"\\]|\\.)*"$/)
      assert.doesNotMatch(quoted, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
      if (/^[ -~]*$/.test(text)) assert.equal(JSON.parse(quoted), text.slice(0, 256))
    }),
  )
  assert.equal(quote(undefined), 'absent')
})

test('a list names 16 at most, and tells when there are more', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { maxLength: 20, size: 'max' }), texts => {
      const listed = list(texts)
      assert.equal(listed.match(/"[a-z]+"/g)?.length ?? 0, Math.min(texts.length, 16))
      assert.equal(listed.endsWith('…'), texts.length > 16)
      assert.equal(listed === 'none', texts.length === 0)
    }),
    { examples: [[Array(16).fill('a')], [Array(17).fill('a')]] },
  )
})
