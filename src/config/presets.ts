/**
 * Presets: what a directory's keys are by default at a well-known provider, spelled as in bearerd.toml. A table.
 *
 * Only what follows from the product: which tokens are meant for mail (`require.audience`, `require.clients`) is known on
 * site alone, and so is the issuer, but for Google's. docs/providers says what each provider needs beside.
 */

export const presets = {
  /** One answer has address, user name, audience, client and scopes, and is "no" once the session has ended. */
  keycloak: {
    endpoint: { method: ['introspect'] },
    auth: { method: 'basic' },
  },

  /**
   * Its access tokens are JWTs that name the user. Introspection would need a client of its own, and doesn't tell
   * the token's client. Since 2025.10 its scope "email" says of every address that it is not verified; users can't change
   * theirs unless an administrator lets them.
   */
  authentik: {
    endpoint: { method: ['jwt', 'userinfo'] },
    require: { 'email-verified': 'never' },
  },

  /** Opaque tokens unless a client is set to JWT. Ids and secrets are decoded as RFC 6749 section 2.3.1 says. */
  zitadel: {
    endpoint: { method: ['introspect'] },
    auth: { method: 'basic', 'basic-encoding': 'form' },
  },

  /** Opaque tokens. Introspection tells audience and client, but no address; credentials must be form-encoded. */
  authelia: {
    endpoint: { method: ['introspect', 'userinfo'] },
    auth: { method: 'basic', 'basic-encoding': 'form' },
  },

  /**
   * Its JWTs name nobody but by `sub`, and its introspection knows no address: userinfo does. By their header alone
   * access tokens differ from ID tokens, which have no type.
   */
  kanidm: {
    endpoint: { method: ['jwt', 'userinfo'] },
    jwt: { types: ['at+jwt'] },
  },

  /**
   * Its access tokens carry `at_hash` as ID tokens do, so that introspection has to tell what they are; it asks for no
   * credentials. It keeps the user's claims in "ext"; userinfo has them in place.
   */
  dex: {
    endpoint: { method: ['introspect', 'userinfo'] },
    auth: { method: 'none' },
  },

  /** JWTs without an address, unless a claim "email" is added to them. */
  okta: {
    endpoint: { method: ['jwt', 'userinfo'] },
  },

  /** JWTs without an address; there is no introspection. Anybody may sign up with any address, until it is verified. */
  auth0: {
    endpoint: { method: ['jwt', 'userinfo'] },
    require: { 'email-verified': 'always' },
  },

  /** Opaque tokens, and tokeninfo in the place of introspection. Accounts exist for addresses of any domain. */
  google: {
    issuer: 'https://accounts.google.com',
    endpoint: { method: ['tokeninfo'], 'tokeninfo-url': 'https://oauth2.googleapis.com/tokeninfo' },
    fields: { username: [] },
    require: { 'email-verified': 'always' },
  },

  /**
   * JWTs for an API of one's own; userinfo takes tokens for Microsoft Graph only. "email" and "preferred_username" are
   * whatever somebody typed in, here or in a guest's own tenant; a UPN is in a domain that the tenant has proved to own.
   */
  entra: {
    endpoint: { method: ['jwt'] },
    fields: { email: ['upn'], username: [] },
  },
} as const

export type Preset = keyof typeof presets
