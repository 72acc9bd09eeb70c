/**
 * Faults: what a provider, or something on the way to it, can answer that is no verdict on a token at any endpoint, and what
 * the log says of it. Redirects lead `elsewhere`.
 */
import { gzipSync } from 'node:zlib'
import {
  type Answer,
  challenge,
  garbage,
  huge,
  json,
  never,
  reset,
  stalling,
  text,
  truncated,
} from './fault-provider.ts'

export type Faults = Readonly<Record<string, readonly [answer: Answer, cause: RegExp]>>

/** It takes the whole time there is. */
export function isSlow(answer: Answer): boolean {
  return answer === never || answer === stalling
}

export function faultsOf(elsewhere: string, token: string): Faults {
  const moved = { location: elsewhere }
  return {
    'no answer': [never, /no answer in time \(TIMEOUT\)$/],
    'half an answer': [stalling, /no answer in time \(TIMEOUT\)$/],
    'a connection reset': [reset, /the connection ended before the answer did \((ECONNRESET|UND_ERR_SOCKET)\)$/],
    'a truncated answer': [truncated, /the connection ended before the answer did \([A-Z_]+\)$/],
    '50 MB': [huge, /the answer is too long \(TOO_LARGE\)$/],
    'headers without end': [
      text('{}', 200, { 'x-long': 'x'.repeat(20_000) }),
      /too long \(UND_ERR_HEADERS_OVERFLOW\)$/,
    ],
    'another protocol': [garbage, /the answer is not HTTP \(\w+\)$/],
    'status 500': [text('', 500), /the provider has failed \(HTTP 500\)$/],
    'status 502 with HTML': [text('<html>', 502, { 'content-type': 'text/html' }), /has failed \(HTTP 502\)$/],
    'status 503 with a verdict': [json({ active: true, sub: 'alice' }, 503), /has failed \(HTTP 503\)$/],
    'status 301': [text('', 301, moved), /the endpoint redirects.*\(HTTP 301\)$/],
    'status 302': [text('', 302, moved), /the endpoint redirects.*\(HTTP 302\)$/],
    'status 307': [text('', 307, moved), /the endpoint redirects.*\(HTTP 307\)$/],
    'status 308': [text('', 308, moved), /the endpoint redirects.*\(HTTP 308\)$/],
    'status 404': [text('', 404), /there is no such endpoint \(HTTP 404\)$/],
    'status 405': [text('', 405), /there is no such endpoint \(HTTP 405\)$/],
    'status 429': [text('', 429, { 'retry-after': 1 }), /too many requests \(HTTP 429\)$/],
    'status 431': [text('', 431), /the token is longer than the provider accepts \(HTTP 431\)$/],
    'status 400': [text('', 400), /does not accept the request \(HTTP 400 NOT_JSON\)$/],
    'status 400 invalid_request': [challenge(400, 'invalid_request'), /\(HTTP 400 invalid_request\)$/],
    'status 400 with a text of its own': [json({ error: token }, 400), /\(HTTP 400\)$/],
    'status 201': [json({ active: true, sub: 'alice' }, 201), /an unexpected answer \(HTTP 201\)$/],
    'status 204': [text('', 204), /an unexpected answer \(HTTP 204\)$/],
    'status 999': [text('', 999), /an unexpected answer \(HTTP 999\)$/],
    HTML: [text('<html>Sign in</html>', 200, { 'content-type': 'text/html' }), /\(NOT_JSON\)$/],
    'JSON called text': [text('{"active":true,"sub":"a"}', 200, { 'content-type': 'text/plain' }), /\(NOT_JSON\)$/],
    'JSON called nothing': [text('{"active":true,"sub":"a"}', 200, { 'content-type': '' }), /\(NOT_JSON\)$/],
    'a signed answer': [
      text('e30.e30.e30', 200, { 'content-type': 'application/jwt' }),
      /is signed \(JWT\), and nothing is known to check.*\(SIGNED_ANSWER\)$/,
    ],
    'a signed answer of introspection': [
      text('e30.e30.e30', 200, { 'content-type': 'application/token-introspection+jwt' }),
      /is signed \(JWT\), and nothing is known to check.*\(SIGNED_ANSWER\)$/,
    ],
    'an empty body': [text(''), /\(NOT_JSON\)$/],
    'half of an object': [text('{"active":true,"sub":"al'), /\(NOT_JSON\)$/],
    'more than an object': [text('{"active":true,"sub":"a"}{}'), /\(NOT_JSON\)$/],
    'JSON with comments': [text('{"active":true/**/}'), /\(NOT_JSON\)$/],
    'a body that is not UTF-8': [text(Buffer.from('{"active":true,"sub":"\xe9"}', 'latin1')), /\(NOT_JSON\)$/],
    'a compressed body': [
      text(gzipSync('{"active":true}'), 200, { 'content-encoding': 'gzip' }),
      /not what its specification demands \(NOT_JSON\)$/,
    ],
    'an array': [json([{ active: true, sub: 'alice' }]), /not what its specification demands \(NOT_AN_OBJECT\)$/],
    null: [json(null), /\(NOT_AN_OBJECT\)$/],
    'a number': [json(1), /\(NOT_AN_OBJECT\)$/],
    'a text': [json('active'), /\(NOT_AN_OBJECT\)$/],
    true: [json(true), /\(NOT_AN_OBJECT\)$/],
  }
}
