/**
 * Status: what a running daemon tells of itself, to `bearerd status` and to whoever scrapes its metrics. Types only. Times
 * are RFC 3339 in UTC, durations in the unit of their name. No secret, and nothing about single users.
 */
import type { Method, Protocol } from './config/config.ts'
import type { Problem } from './config/problem.ts'
import type { ProviderRequest } from './telemetry.ts'

export type ListenerStatus = {
  readonly name: string
  readonly protocol: Protocol
  readonly path: string
  /** Whether systemd made the socket. */
  readonly inherited: boolean
  readonly connections: number
  /** Whether new connections are refused, because there are too many. */
  readonly refusing: boolean
}

/** What is known of a provider from asking it. */
export type ProviderStatus = {
  readonly state: 'ok' | 'failing' | 'unknown'
  /** When it last answered as it should. */
  readonly lastSuccess: string | undefined
  /** Stays after the provider is back. */
  readonly lastError: { readonly time: string; readonly cause: string; readonly cure: string } | undefined
  readonly failingSince: string | undefined
  readonly inFlight: number
  /** For each request that has one. */
  readonly breakers: { readonly [Request in ProviderRequest]?: 'closed' | 'open' }
}

export type DirectoryStatus = {
  readonly name: string
  readonly methods: readonly Method[]
  readonly issuer: string | undefined
  readonly provider: ProviderStatus
  /** What `check` warns of: that it can't tell tokens meant for mail from others. */
  readonly warnings: readonly string[]
  readonly cache: { readonly good: number; readonly bad: number; readonly hits: number; readonly misses: number }
  /** Where the issuer's keys are used. */
  readonly keys: { readonly count: number; readonly ageSeconds: number } | undefined
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
  /** What the last load found. */
  readonly problems: readonly Problem[]
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
  readonly state: 'running' | 'stopping'
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
