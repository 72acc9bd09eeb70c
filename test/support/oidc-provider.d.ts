/** What the fixture in provider.ts uses of oidc-provider, which ships no types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'

  type Payload = Record<string, unknown>

  export type Adapter = {
    upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>
    find(id: string): Promise<Payload | undefined>
    findByUid(uid: string): Promise<Payload | undefined>
    findByUserCode(userCode: string): Promise<Payload | undefined>
    consume(id: string): Promise<void>
    destroy(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  export type Client = { readonly clientId: string }

  export type ResourceServer = { readonly audience: string }

  interface Token {
    format?: 'opaque' | 'jwt'
    save(): Promise<string>
    destroy(): Promise<void>
  }

  interface Grant extends Token {
    addOIDCScope(scope: string): void
  }

  interface IdToken {
    scope?: string
    issue(options: { use: 'idtoken' }): Promise<string>
  }

  type SignedIn = {
    accountId: string
    client: Client
    grantId: string
    scope: string
    expiresIn: number
    resourceServer?: ResourceServer
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    callback(): RequestListener
    readonly Client: { find(id: string): Promise<Client | undefined> }
    readonly ResourceServer: new (
      identifier: string,
      data: Payload,
    ) => ResourceServer
    readonly Grant: new (payload: {
      accountId: string
      clientId: string
    }) => Grant
    readonly AccessToken: {
      new (payload: SignedIn & Payload): Token
      find(value: string): Promise<Token | undefined>
    }
    readonly RefreshToken: new (
      payload: SignedIn,
    ) => Token
    readonly IdToken: new (
      claims: Payload,
      options: { client: Client },
    ) => IdToken
  }
}
