/**
 * Server: what the bench needs to know of a server under test, bearerd or Dovecot.
 */
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { authMaster, single } from './load.ts'
import { userdbLookup } from './site.ts'

/** What a server is started on. */
export type Site = {
  /** An empty folder of its own. */
  readonly folder: string
  readonly providerUrl: string
  /** How many accounts it has. */
  readonly accounts: number
}

export type Server = {
  /** Paths of its sockets; policy and socketmap are bearerd's only. */
  readonly sockets: { auth: string; userdb: string; policy?: string; map?: string }
  /** From spawning it to its first answer about a user. */
  readonly startMs: number
  /** Processor time so far. */
  cpuMs(): number
  residentMiB(): number
  stop(): Promise<void>
}

const startTimeoutMs = 30_000

/** Resolves with the first answer about a user. A server that gives none is stopped. */
export async function firstAnswer(userdb: string, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    try {
      await single(userdb, authMaster, userdbLookup(1, 0))
      return
    } catch (error) {
      if (server.exitCode !== null) throw new Error(`the server ended with exit code ${server.exitCode}`)
      if (performance.now() > deadline) {
        server.kill()
        throw error
      }
      await sleep(2)
    }
  }
}
