/**
 * Reason codes: why a login ended as it did. Stable, one word each; logs, metrics and documents use these and no others.
 *
 * A table that is the documentation: `meaning` for the reader of a log, `cure` for the one who has to mend it. Of it
 * docs/reference/reason-codes.md is made (test/support/reason-codes.ts).
 */

type Reason = { readonly meaning: string; readonly cure: string }

export const acceptReasons = {
  ok: {
    meaning: 'The token or password is good, and belongs to an account that may log in.',
    cure: 'Nothing is to be done.',
  },
} as const satisfies Record<string, Reason>

export const rejectReasons = {
  malformed: {
    meaning: 'The client sent something that is not a message of its mechanism.',
    cure: 'Look at the client: "detail" of the log line says what is wrong with its message. For tokens that are too long, raise "limits.token-size".',
  },
  truncated: {
    meaning: "The message was cut off by Postfix, whose line_length_limit is shorter than the client's AUTH command.",
    cure: 'Set "-o line_length_limit=32768" and "-o smtpd_sasl_response_limit=65536" for the submission services in master.cf.',
  },
  no_directory: {
    meaning: 'No directory is responsible for the domain of the login, and there is no default one.',
    cure: 'Add the domain to "domains" of a directory, or leave "domains" out of one to make it the default.',
  },
  token_refused: {
    meaning: 'The provider says that the token is not valid: expired, revoked, or never issued by it.',
    cure: 'The user signs in again. If every token is refused: for introspection, the provider may want the client of bearerd in the audience; userinfo takes no ID tokens, and with some providers none that are for an API.',
  },
  opaque_token: {
    meaning: 'The token is not a JWT, and the directory can judge nothing else.',
    cure: 'Have the provider issue JWT access tokens (RFC 9068) to mail clients; or add a method that asks it: endpoint.method = ["jwt", "introspect"].',
  },
  token_malformed: {
    meaning: 'The token looks like a JWT, but is not one that can be read without doubt.',
    cure: 'Look at the client, which may have cut or changed the token. If it has not: have the provider issue plain JWTs (RFC 7519), or use a method that asks it: endpoint.method = "introspect".',
  },
  algorithm_not_allowed: {
    meaning: 'The JWT is signed by an algorithm that is not in "jwt.algorithms", or not signed at all.',
    cure: 'Have the provider sign access tokens with a key of its own (RS256, ES256, EdDSA …), never with the client secret (HS256). If its algorithm was left out of "jwt.algorithms", add it.',
  },
  unsupported_header: {
    meaning: 'The JWT demands an extension that bearerd does not know (crit).',
    cure: 'Have the provider issue plain JWTs, or use a method that asks it: endpoint.method = "introspect".',
  },
  unknown_key: {
    meaning: 'The JWT is signed with a key that its issuer does not publish, or not any more.',
    cure: "The user signs in again. If every token is refused, compare the token's kid with the keys at the jwks_uri of the provider.",
  },
  bad_signature: {
    meaning: 'The signature of the JWT is wrong: it was forged, changed on the way, or made with another key.',
    cure: 'The user signs in again. If every token is refused: Microsoft Graph tokens cannot be verified by others (have the client ask for a scope of your own API), and a client may cut tokens.',
  },
  token_incomplete: {
    meaning: 'The JWT does not say when it expires (exp), which it must to be judged here (RFC 9068 section 2.2).',
    cure: 'Have the provider add the claim to its access tokens, or use a method that asks it: endpoint.method = "introspect".',
  },
  token_expired: {
    meaning: 'The token is past its expiry.',
    cure: 'The client must refresh its token. If it has just done so, compare the clocks of this machine and the provider.',
  },
  token_not_yet_valid: {
    meaning: "The token's validity (nbf) has not begun.",
    cure: 'Compare the clocks of this machine and the provider.',
  },
  not_an_access_token: {
    meaning: 'The token is an ID token, or a JWT for something else, not an access token.',
    cure: 'Mend the client: it must send the access token. If it does, and the "typ" of its header is unusual, add that to "jwt.types".',
  },
  refresh_token: {
    meaning: 'The token is a refresh token, not an access token.',
    cure: 'Mend the client: it must send the access token, and the refresh token to the provider only.',
  },
  machine_token: {
    meaning: 'The token belongs to a program (client credentials), not to a user.',
    cure: 'Let the program sign in at the provider as a user; or give it an app password: "bearerd app-password create ADDRESS --label PROGRAM".',
  },
  subject_conflict: {
    meaning: 'Two answers of the provider about the same token name different users (sub).',
    cure: 'Check that the endpoints belong to the same provider and realm, and that "sub" is the same to all clients (no pairwise subjects).',
  },
  wrong_issuer: {
    meaning: 'The token names another issuer than the one configured.',
    cure: 'Compare "issuer" of the directory with the issuer in the provider\'s discovery document, to the last slash. If they are equal, the client signs in at another provider.',
  },
  wrong_audience: {
    meaning:
      'The token is not meant for mail: none of its audiences is in "require.audience", or it has none that can be seen.',
    cure: 'Have the provider add the audience to the client\'s tokens, or correct "require.audience". Where none is seen of an opaque token, have introspection asked: endpoint.method = ["introspect", "userinfo"].',
  },
  wrong_client: {
    meaning: 'The token was issued to a client that is not in "require.clients".',
    cure: 'Add the client id to "require.clients" if its users may read mail. Where none is seen of an opaque token, have introspection asked: endpoint.method = ["introspect", "userinfo"].',
  },
  insufficient_scope: {
    meaning:
      'The token lacks a scope of "require.scopes", or one that the provider itself demands: "openid" at userinfo.',
    cure: 'Have the client ask for the scope, and the provider allow it. The user signs in again.',
  },
  claim_mismatch: {
    meaning: 'A claim asked for by "require.claim" is absent or has another value.',
    cure: 'Give the user the group or role at the provider, and have the provider put the claim into the token or its answer; or correct "require.claim".',
  },
  email_not_verified: {
    meaning: 'The provider has not verified the email address that would decide the account.',
    cure: 'Verify it at the provider, bind the account by "subject", or set require.email-verified = "never" if only administrators can set addresses there.',
  },
  no_identity: {
    meaning: 'Neither the token nor the answer of the provider has any of the claims that name an account.',
    cure: 'Have the client ask for the scopes "openid email", and the provider put the address into the token or its answer; or have userinfo asked too: endpoint.method = ["jwt", "userinfo"] or ["introspect", "userinfo"]; or correct "fields.email" and "fields.username".',
  },
  bad_identity: {
    meaning: 'A claim that should name the account holds something that cannot be a name.',
    cure: 'Correct the address or name in the user\'s entry at the provider; or name another claim in "fields.email" and "fields.username".',
  },
  unknown_login: {
    meaning: 'No account has the name of this login as its address or an alias.',
    cure: 'The user types her whole address. If it is right, add the account: "bearerd account add ADDRESS".',
  },
  wrong_password: {
    meaning:
      'The password is wrong: mistyped, or an old one; or, for an account with an imported password, that of the provider.',
    cure: 'The user types it again; or make a new one: "bearerd app-password create ADDRESS --label DEVICE".',
  },
  unknown_password: {
    meaning: "It looks like an app password, but is none of this account's: mistyped, revoked, or of another account.",
    cure: '"bearerd app-password list ADDRESS" shows which there are. Make a new one for the device.',
  },
  provider_password: {
    meaning: 'Not in the form of an app password: this looks like a password of the identity provider.',
    cure: 'Create an app password: "bearerd app-password create ADDRESS --label DEVICE". Or, where bearerd.toml has a [directory.NAME], set up the mail client for OAuth.',
  },
  password_not_offered: {
    meaning: 'A password, though bearerd takes none any more: the mail server has not asked again what is offered.',
    cure: '"doveadm reload" or "postfix reload" has it ask. If passwords are to be taken: app-passwords.enabled = true.',
  },
  token_as_password: {
    meaning: 'This looks like an access token in the place of a password.',
    cure: 'Where bearerd.toml has a [directory.NAME]: set up the mail client for OAuth (OAUTHBEARER, XOAUTH2), or set app-passwords.accept-tokens = true. Else: "bearerd app-password create ADDRESS --label DEVICE".',
  },
  password_expired: {
    meaning: 'The password is right, but has expired.',
    cure: 'Make a new one: "bearerd app-password create ADDRESS --label DEVICE".',
  },
  password_outdated: {
    meaning: 'The password is from before the account: a former owner of the address may know it.',
    cure: 'If it is still the same person, make a new one: "bearerd app-password create ADDRESS --label DEVICE".',
  },
  password_service: {
    meaning: 'The password is right, but not for this service.',
    cure: 'Make one with this service among them: "bearerd app-password create ADDRESS --label DEVICE --services imap,smtp".',
  },
  password_network: {
    meaning: 'The password is right, but not for logins from this address, or the mail server tells no address.',
    cure: 'If the user belongs there, make one with her network among them: "bearerd app-password create ADDRESS --label DEVICE --networks 192.0.2.0/24".',
  },
  unknown_account: {
    meaning: 'The token is good, but no account belongs to its owner.',
    cure: 'Add the account: "bearerd account add ADDRESS", or to one that there is an alias, username or subject ("account set"); or set accounts.unknown = "create".',
  },
  ambiguous_identity: {
    meaning: "The token's claims fit more than one account.",
    cure: 'Give each account its own "username" or "subject".',
  },
  wrong_directory: {
    meaning: 'The account belongs to another directory than the one that vouched for the token.',
    cure: 'If this provider is to vouch for her: "bearerd account set ADDRESS --directory NAME"; or correct "domains" of the directories.',
  },
  subject_mismatch: {
    meaning: 'The account is bound to another subject at the provider: the address may have changed hands.',
    cure: 'If it is still the same person: "bearerd account rebind ADDRESS"; or correct "subject" of the account, if it has that.',
  },
  no_subject: {
    meaning: 'The provider does not tell the subject (sub) of the token, to which the account should be bound.',
    cure: 'Have the client ask for the scope "openid", or the provider put "sub" into the answer; or set bind = "never".',
  },
  authz_fail: {
    meaning: 'The client asked for another account than the one the token or password belongs to.',
    cure: 'The user signs in again, as the owner of the account asked for; or add the name asked for to the aliases of her own.',
  },
  account_disabled: {
    meaning: 'The account is disabled.',
    cure: 'If that is not intended: "bearerd account enable ADDRESS"; in a .toml file, remove "enabled = false".',
  },
} as const satisfies Record<string, Reason>

export const unavailableReasons = {
  provider_unavailable: {
    meaning: 'The provider gave no usable verdict in time.',
    cure: 'The last line in the log with "event":"provider" names the cause, and its cure; "bearerd doctor" looks for it too. The client may try again; nobody has to sign in anew.',
  },
  accounts_unavailable: {
    meaning: 'The account files have never been loaded without a problem.',
    cure: 'Run "bearerd check": it says what is wrong, and in which line.',
  },
  account_not_created: {
    meaning: 'The account of a new user could not be written to disk.',
    cure: 'See the error in the log: space, permissions, or a lock left behind.',
  },
  bindings_unavailable: {
    meaning:
      'It is not known who is bound to which user at the provider: bindings.jsonl could not be read since the start.',
    cure: 'See the error in the log: permissions, or the disk.',
  },
  binding_not_written: {
    meaning: 'The binding of the account to its user at the provider could not be written to disk.',
    cure: 'See the error in the log: space, permissions, or a lock left behind.',
  },
  create_limit: {
    meaning: 'As many accounts have been created within the last hour as are allowed.',
    cure: 'Look at the lines account_created: if these are your users, raise accounts.create.per-hour. Else disable them, and restrict who may by require.* of the directory.',
  },
  passwords_unavailable: {
    meaning: 'The app passwords have never been loaded without a problem.',
    cure: 'Run "bearerd check": it says what is wrong, and in which line.',
  },
  passwords_busy: {
    meaning: 'Too many imported passwords are being checked.',
    cure: 'If it is no attack, raise app-passwords.verifications; app passwords cost next to nothing.',
  },
  deadline: {
    meaning: 'No verdict within 8 seconds.',
    cure: 'Look at the provider and at the load of this machine.',
  },
  internal_error: {
    meaning: 'A fault in bearerd.',
    cure: 'Please report the stack trace in the log.',
  },
} as const satisfies Record<string, Reason>

/** Whatever stands as `reason` in the log. */
export const reasons = { ...acceptReasons, ...rejectReasons, ...unavailableReasons }

export type RejectReason = keyof typeof rejectReasons
export type UnavailableReason = keyof typeof unavailableReasons
