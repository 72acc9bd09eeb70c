/** What a check of `bearerd doctor` came to. Types only. */

export type Finding = {
  /** What was looked at: "directory main", "listen.imap", "Postfix", "Dovecot". */
  readonly subject: string
  readonly check: string
  /** `skipped`: it could not be looked at here, which is no fault. */
  readonly outcome: 'ok' | 'warning' | 'failed' | 'skipped'
  readonly seen: string
  readonly expected?: string | undefined
  readonly cure?: string | undefined
  /** Failed because the provider can't be reached: nothing here need be wrong. */
  readonly unreachable?: true | undefined
}

/** What mends it, and what was expected where `seen` alone doesn't tell. */
export type Trouble = { readonly cure: string; readonly expected?: string; readonly unreachable?: true | undefined }

/** Where the checks of one subject write down what they find. */
export type Findings = {
  readonly list: readonly Finding[]
  ok(check: string, seen: string): void
  skip(check: string, seen: string): void
  /** Without trouble: `seen` says it all. */
  warn(check: string, seen: string, trouble?: Trouble): void
  fail(check: string, seen: string, trouble: Trouble): void
}
