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

  interface Token {
    format?: 'opaque' | 'jwt'
    save(): Promise<string>
    destroy(): Promise<void>
  }

  interface Grant extends Token {
    addOIDCScope(scope: string): void
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    callback(): RequestListener
    readonly Client: { find(id: string): Promise<Client | undefined> }
    readonly Grant: new (payload: {
      accountId: string
      clientId: string
    }) => Grant
    readonly AccessToken: {
      new (
        payload: {
          accountId: string
          client: Client
          grantId: string
          scope: string
          expiresIn: number
        } & Record<string, unknown>,
      ): Token
      find(value: string): Promise<Token | undefined>
    }
  }
}
