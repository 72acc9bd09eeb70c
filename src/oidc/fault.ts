/**
 * Fault: why a provider gave no verdict on a token, as a code, and what the code means. PURE.
 *
 * A fault is all that leaves the layer below when something goes wrong. Message texts and bodies never do: those of the
 * HTTP libraries can quote a header, and so the token. Codes come from Node (ECONNREFUSED), undici (UND_ERR_*),
 * openid-client (OAUTH_*), the HTTP status ("HTTP 503"), and from this folder.
 */

/**
 * A TypeError, because that is what fetch rejects with: openid-client hands it on untouched (index.js:errorHandler).
 */
export class Fault extends TypeError {
  override readonly name = 'Fault'
  readonly code: string
  /** The status, if there was an answer at all. */
  readonly status: number | undefined
  /** The OAuth error code of the answer, if it is one of the registered ones. */
  readonly oauthError: OAuthError | undefined

  constructor(code: string, status?: number, oauthError?: OAuthError) {
    super(`no verdict from the provider (${code})`)
    this.code = code
    this.status = status
    this.oauthError = oauthError
  }
}

/** RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 7009 section 2.2.1: those that mean something to us. */
export const oauthErrors = [
  'access_denied',
  'invalid_client',
  'invalid_request',
  'invalid_token',
  'insufficient_scope',
  'unauthorized_client',
  'unsupported_token_type',
] as const
export type OAuthError = (typeof oauthErrors)[number]

/** The code of an error, or of the one behind it; never its message, which may quote what was sent. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string' && /^\w{1,64}$/.test(error.code)) return error.code
  return errorCode(error.cause)
}

/** First match counts: code, what is wrong, what mends it. */
const faults: readonly (readonly [RegExp, string, string])[] = [
  // No connection.
  [
    /^(TIMEOUT|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    'no answer in time',
    'Look at the provider, the network and the firewall between. "timeout" of the directory is the budget of a lookup.',
  ],
  [/^(ENOTFOUND|EAI_\w+)$/, 'the host name is not found', 'Check the host name, and DNS on this machine.'],
  [/^ECONNREFUSED$/, 'the connection is refused', 'Check that the provider runs, and the port.'],
  [
    /^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EACCES|EPERM|EADDRNOTAVAIL)$/,
    'the provider cannot be reached',
    'Check routes and firewall, and whether the service unit may use the network.',
  ],
  [
    /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|HPE_INVALID_EOF_STATE)$/,
    'the connection ended before the answer did',
    "Look at the provider's log, and at the one of a proxy before it.",
  ],
  [
    /^BUSY$/,
    'too many lookups wait for a connection already',
    'Look at the provider: it is too slow, or drops connections; or raise "connections" of the directory.',
  ],
  // TLS: names from OpenSSL's X509_verify_cert_error and Node.
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/,
    "the provider's certificate comes from an unknown authority",
    'Set tls.ca-file to the certificate of the authority; or have the provider send its intermediate certificates.',
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    "the provider's certificate is not valid today",
    'Renew the certificate, or set the clock.',
  ],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    "the provider's certificate is for another host name",
    'Use a host name that is in the certificate.',
  ],
  [/^ERR_SSL_WRONG_VERSION_NUMBER$/, 'what listens there speaks no TLS', 'Check the port: that of https is wanted.'],
  [
    /^(CERT_|CRL_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO)/,
    'TLS failed',
    'Try "openssl s_client -connect HOST:PORT", and check tls.cert-file if the provider asks for a certificate.',
  ],
  // An answer that cannot be read.
  [/^(HPE_|HTTPParserError$)/, 'the answer is not HTTP', 'Check the port, and whether it speaks https or http.'],
  [/^(TOO_LARGE|UND_ERR_HEADERS_OVERFLOW)$/, 'the answer is too long', 'Check the address: this is no such endpoint.'],
  [
    /^SIGNED_ANSWER$/,
    'the answer is signed (JWT), and nothing is known to check the signature by',
    'Set "issuer" of the directory; or have the provider send plain JSON to this client.',
  ],
  [
    /^BAD_SIGNED_ANSWER$/,
    "the answer is signed (JWT), but not by the issuer's keys, or not for bearerd",
    'Check "issuer" and auth.username of the directory; or have the provider send plain JSON to this client (userinfo_signed_response_alg, introspection_signed_response_alg).',
  ],
  [
    /^ENCRYPTED_ANSWER$/,
    'the answer is encrypted (JWE), which is not supported',
    'Have the provider send signed or plain answers to this client.',
  ],
  [
    /^(NOT_JSON|NOT_AN_OBJECT|OAUTH_INVALID_RESPONSE|OAUTH_RESPONSE_IS_NOT_JSON)$/,
    'the answer is not what its specification demands',
    'Check the address (that of discovery comes from "issuer"), and that endpoint.method fits it: an introspection endpoint answers with "active", true or false; a userinfo endpoint with "sub", or at least a claim of fields.email or fields.username.',
  ],
  // An answer that is no verdict.
  [
    /^CLIENT_REFUSED$/,
    'the provider refuses the credentials of bearerd itself, not those of a user',
    'Check auth.method, auth.username and auth.secret (or auth.token); auth.basic-encoding = "raw" helps with some providers; the client needs leave to introspect.',
  ],
  [
    /^OTHER_CHALLENGE$/,
    'the endpoint asks for another login than a token (WWW-Authenticate)',
    'Have the proxy before the provider let the endpoint through without a login of its own.',
  ],
  [
    /^HTTP 3/,
    'the endpoint redirects; a token is never sent on',
    'Configure the final address: https, and the slash at the end as the provider has it.',
  ],
  [
    /^HTTP 403$/,
    'the request is forbidden, and not because of the token',
    'Look at the firewall or proxy before the provider, and whether it lets this machine in.',
  ],
  [/^HTTP 4(04|05|10)$/, 'there is no such endpoint', 'Check "issuer", and each "endpoint.…url" that you have set.'],
  [/^HTTP 429$/, 'too many requests', 'Raise the rate limit at the provider for this client, or "ttl" of the cache.'],
  [/^HTTP 431$/, 'the token is longer than the provider accepts', 'Raise the header limit of the proxy or provider.'],
  [
    /^HTTP 400 unsupported_token_type$/,
    'the provider does not introspect tokens of this kind',
    'If they are JWTs, judge them here: endpoint.method = ["jwt", "introspect"]; or have the provider issue opaque tokens to mail clients.',
  ],
  [/^HTTP 4/, 'the provider does not accept the request', 'Check "endpoint.url", "endpoint.method" and "auth.method".'],
  [/^HTTP 5/, 'the provider has failed', "Look at the provider's log."],
  [/^HTTP /, 'the provider gives an unexpected answer', 'Check "endpoint.url" and "endpoint.method".'],
  // Discovery.
  [
    /^OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED$/,
    'the discovery document names another issuer',
    'Set "issuer" exactly as the discovery document has it, to the last slash.',
  ],
  [
    /^NO_KEYS_ADDRESS$/,
    "nothing tells where the issuer's keys are",
    'Set "issuer" exactly as the provider has it, or "endpoint.jwks-url".',
  ],
  [
    /^NO_ENDPOINT$/,
    'the discovery document has no such endpoint',
    'Use the other endpoint.method, or set "endpoint.url".',
  ],
  [
    /^OAUTH_(HTTP_REQUEST|REQUEST_PROTOCOL)_FORBIDDEN$/,
    'the address in the discovery document is not https',
    'Mend the public address in the settings of the provider, or set "endpoint.url".',
  ],
  // Keys.
  [
    /^NO_KEYS$/,
    "none of the issuer's keys can verify a token",
    'Check "issuer" and "endpoint.jwks-url"; needed is a public key for signatures: RSA of 2048 bits or more, EC (P-256, P-384, P-521) or Ed25519.',
  ],
  [/^TOO_MANY_KEYS$/, 'the issuer has more than 64 keys', 'Check "endpoint.jwks-url"; have the issuer drop old keys.'],
  [
    /^KEYS_TOO_OLD$/,
    "the issuer's keys could not be fetched for longer than keys.max-age",
    'Look at the provider, and at the earlier lines of the log that say why; or raise "keys.max-age".',
  ],
  [
    /^TOO_MANY_WAIT$/,
    "too many tokens that no known key has signed wait for the issuer's keys",
    'Somebody may be sending made-up tokens: the lines with "event":"login" say from where.',
  ],
  [/^STOPPED$/, 'bearerd is stopping', 'Nothing is to be done: the mail client tries again.'],
]

/** In words that are safe to log. */
export function describeFault(code: string): { readonly cause: string; readonly cure: string } {
  for (const [pattern, cause, cure] of faults) if (pattern.test(code)) return { cause: `${cause} (${code})`, cure }
  return { cause: `unexpected error (${code})`, cure: 'Please report it with this line.' }
}
