/**
 * Status: what a running daemon tells of itself, to `bearerd status` and to whoever scrapes its metrics. Types only. Times
 * are RFC 3339 in UTC, durations in the unit of their name. No secret; of single users only what a
 * problem of a file quotes.
 */
import type { Asked, Method, Protocol } from './config/config.ts'
import type { Problem } from './config/problem.ts'

export type ListenerStatus = {
  readonly name: string
  readonly protocol: Protocol
  readonly path: string
  /** Whether systemd made the socket. */
  readonly inherited: boolean
  /** False while bearerd starts, and when it stops. */
  readonly open: boolean
  readonly connections: number
  /** Whether new connections are refused, because there are too many. */
  readonly refusing: boolean
}

/** What is known of a provider from asking it. */
export type ProviderStatus = {
  /** `failing`: to one kind of request at least it last gave no good answer. `unknown`: it hasn't been asked. */
  readonly state: 'ok' | 'failing' | 'unknown'
  /** When it last answered as it should. */
  readonly lastSuccess: string | undefined
  /** Stays after the provider is back. */
  readonly lastError: { readonly time: string; readonly cause: string; readonly cure: string } | undefined
  readonly failingSince: string | undefined
  readonly inFlight: number
  /** For each method by which it is asked about tokens. `open`: it is asked now and then only. */
  readonly breakers: { readonly [Request in Asked]?: 'closed' | 'open' }
}

export type DirectoryStatus = {
  readonly name: string
  readonly methods: readonly Method[]
  readonly issuer: string | undefined
  readonly provider: ProviderStatus
  /** What `check` warns of: that it can't tell tokens meant for mail from others. */
  readonly warnings: readonly string[]
  /** Tokens known to be good and bad, some of which may be past their time; lookups since it was opened. */
  readonly cache: { readonly good: number; readonly bad: number; readonly hits: number; readonly misses: number }
  /** The issuer's, where there are any. */
  readonly keys: { readonly count: number; readonly fetched: string } | undefined
}

/** A file, or several, that are read again when they change. */
export type StoreStatus = {
  readonly files: readonly string[]
  /** In force; undefined if there are none, so that everything is answered "temporarily". */
  readonly count: number | undefined
  /** When what is in force was loaded. */
  readonly loaded: string | undefined
  readonly loadMs: number | undefined
  /** Loads since the start that changed nothing, because of an error. */
  readonly failures: number
  /** What the last load found, errors first; twenty at most. */
  readonly problems: readonly Problem[]
  /** So many more, which `check` prints. */
  readonly moreProblems: number
}

export type ReasonCount = {
  readonly verdict: 'reject' | 'unavailable'
  readonly reason: string
  readonly count: number
}

export type Status = {
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly state: 'starting' | 'running' | 'stopping'
  readonly started: string
  readonly uptimeSeconds: number
  readonly config: {
    readonly file: string
    readonly loaded: string
    /** Why the last reload was refused, if it was. */
    readonly refused: { readonly time: string; readonly problems: readonly Problem[] } | undefined
  }
  readonly logLevel: string
  readonly listeners: readonly ListenerStatus[]
  readonly directories: readonly DirectoryStatus[]
  readonly accounts: StoreStatus
  /** Undefined where PLAIN and LOGIN are not offered. */
  readonly passwords: StoreStatus | undefined
  /** Undefined where no directory binds. */
  readonly bindings: StoreStatus | undefined
  /** Of the last hour. */
  readonly logins: {
    readonly accepted: number
    readonly rejected: number
    readonly unavailable: number
    /** The commonest first, ten at most. */
    readonly reasons: readonly ReasonCount[]
  }
}

/** What came of reading everything again. */
export type ReloadOutcome =
  | { readonly ok: true }
  /** The former configuration stays in force. */
  | { readonly ok: false; readonly problems: readonly Problem[] }
