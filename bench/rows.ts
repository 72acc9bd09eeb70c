/**
 * Rows: what is measured, one load each, and on which servers.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provider } from './idp.ts'
import {
  authClient,
  authMaster,
  type Figures,
  type Load,
  type Meter,
  once,
  policy,
  reconnect,
  single,
  socketmap,
  sustain,
} from './load.ts'
import type { Server } from './server.ts'
import { login, mapLookup, policyRequest, token, userdbLookup } from './site.ts'

export const serverNames = ['bearerd', 'bearerd introspecting', 'bearerd by keys', 'Dovecot', 'Dovecot tuned'] as const
export type ServerName = (typeof serverNames)[number]

export type Measured = Figures & {
  readonly cpuUs: number
  /** Calls at the provider. */
  readonly upstream: number
  /** How busy the generator was: near 1, it is what was measured. */
  readonly generator: number
}

export type Bench = {
  readonly provider: Provider
  readonly accounts: { readonly small: number; readonly large: number }
  readonly warmUpMs: number
  readonly measureMs: number
}

export type Row = {
  /** To pick it on the command line. */
  readonly name: string
  readonly title: string
  readonly servers: readonly ServerName[]
  readonly accounts: 'small' | 'large'
  measure(bench: Bench, server: Server): Promise<Measured>
}

const providerDelayMs = 20

/** Runs a load, and adds what it took of the processors and the provider between the two ends of what counts. */
async function metered(
  { provider }: Bench,
  server: Server,
  delayMs: number,
  run: (meter: Meter) => Promise<Figures>,
): Promise<Measured> {
  // What an earlier load has left under way must not be counted here.
  while ((await provider.reset(delayMs)) > 0) await sleep(100)
  const ownUs = () => process.cpuUsage().user + process.cpuUsage().system
  let [serverMs, generatorUs] = [0, 0]
  let upstream = Promise.resolve(0)
  const figures = await run({
    begin: async () => {
      await provider.reset(delayMs)
      generatorUs = -ownUs()
      serverMs = -server.cpuMs()
    },
    end: () => {
      serverMs += server.cpuMs()
      generatorUs += ownUs()
      upstream = provider.reset(delayMs)
    },
  })
  return {
    ...figures,
    cpuUs: (serverMs * 1000) / figures.requests,
    upstream: await upstream,
    generator: generatorUs / 1e6 / figures.seconds,
  }
}

/** Every login's token is one of its own. */
let serial = 0
function freshToken(user: number): string {
  serial++
  return token(user, serial)
}

async function cachedLogins(bench: Bench, server: Server, outstanding: number): Promise<Measured> {
  const connections = 16
  const users = Array.from({ length: connections * outstanding }, (_, slot) => slot)
  const requests = users.map(slot => login((slot % outstanding) + 1, slot, freshToken(slot)))
  const next = (slot: number) => requests[slot] ?? login(1, 0, '')
  const load: Load = { path: server.sockets.auth, protocol: authClient, connections, outstanding, next }
  await once(load)
  return metered(bench, server, 0, meter => sustain(load, bench.warmUpMs, bench.measureMs, meter))
}

function uncachedLogins(bench: Bench, server: Server): Promise<Measured> {
  const next = (slot: number, id: number) => login(id, slot, freshToken(slot))
  const load: Load = { path: server.sockets.auth, protocol: authClient, connections: 64, outstanding: 8, next }
  return metered(bench, server, providerDelayMs, meter => sustain(load, bench.warmUpMs, bench.measureMs, meter))
}

function coldToken(bench: Bench, server: Server): Promise<Measured> {
  const cold = freshToken(0)
  const next = (_: number, id: number) => login(id, 0, cold)
  const load: Load = { path: server.sockets.auth, protocol: authClient, connections: 64, outstanding: 8, next }
  return metered(bench, server, providerDelayMs, meter => once(load, meter))
}

async function reconnects(bench: Bench, server: Server): Promise<Measured> {
  const lanes = 16
  const requests = Array.from({ length: lanes }, (_, lane) => login(1, lane, freshToken(lane)))
  const dial = (lane: number) => single(server.sockets.auth, authClient, requests[lane] ?? login(1, 0, ''))
  await Promise.all(requests.map((_, lane) => dial(lane)))
  return metered(bench, server, 0, meter => reconnect(lanes, dial, bench.warmUpMs, bench.measureMs, meter))
}

/** Lookups spread over all accounts; 4096 of them, prepared. */
function spread(accounts: number): (index: number) => number {
  const step = Math.max(1, Math.floor(accounts / 4096))
  return index => ((index % 4096) * step) % accounts
}

function lookups(bench: Bench, server: Server, outstanding: number): Promise<Measured> {
  const user = spread(bench.accounts.large)
  const requests = Array.from({ length: 4096 }, (_, index) => userdbLookup((index % outstanding) + 1, user(index)))
  let asked = 0
  // Only requests whose id is the slot's: the index moves in whole rounds of ids.
  const next = (_: number, id: number) => {
    asked++
    return requests[(asked * outstanding + id - 1) % 4096] ?? userdbLookup(id, 0)
  }
  const load: Load = { path: server.sockets.userdb, protocol: authMaster, connections: 16, outstanding, next }
  return metered(bench, server, 0, meter => sustain(load, bench.warmUpMs, bench.measureMs, meter))
}

function postfixLookups(bench: Bench, server: Server, kind: 'policy' | 'socketmap'): Promise<Measured> {
  const user = spread(bench.accounts.small)
  const make = kind === 'policy' ? policyRequest : mapLookup
  const requests = Array.from({ length: 4096 }, (_, index) => make(user(index)))
  let asked = 0
  const next = () => {
    asked++
    return requests[asked % 4096] ?? make(0)
  }
  const path = (kind === 'policy' ? server.sockets.policy : server.sockets.map) ?? ''
  const load: Load = {
    path,
    protocol: kind === 'policy' ? policy : socketmap,
    connections: 16,
    outstanding: 8,
    next,
  }
  return metered(bench, server, 0, meter => sustain(load, bench.warmUpMs, bench.measureMs, meter))
}

const both: readonly ServerName[] = ['bearerd', 'Dovecot']

export const rows: readonly Row[] = [
  {
    name: 'cached',
    title: 'login, token cached, 16 × 8',
    servers: both,
    accounts: 'small',
    measure: (bench, server) => cachedLogins(bench, server, 8),
  },
  {
    name: 'cached-1',
    title: 'login, token cached, 16 × 1',
    servers: both,
    accounts: 'small',
    measure: (bench, server) => cachedLogins(bench, server, 1),
  },
  {
    name: 'uncached',
    title: 'login, token new, 64 × 8',
    servers: serverNames,
    accounts: 'small',
    measure: uncachedLogins,
  },
  {
    name: 'cold',
    title: '512 logins, one new token',
    servers: serverNames,
    accounts: 'small',
    measure: coldToken,
  },
  {
    name: 'connect',
    title: 'connect, login, close, 16 at a time',
    servers: both,
    accounts: 'small',
    measure: reconnects,
  },
  {
    name: 'userdb',
    title: 'userdb USER, 16 × 8',
    servers: both,
    accounts: 'large',
    measure: (bench, server) => lookups(bench, server, 8),
  },
  {
    name: 'userdb-1',
    title: 'userdb USER, 16 × 1',
    servers: both,
    accounts: 'large',
    measure: (bench, server) => lookups(bench, server, 1),
  },
  {
    name: 'policy',
    title: 'policy, 16 × 8',
    servers: ['bearerd'],
    accounts: 'small',
    measure: (bench, server) => postfixLookups(bench, server, 'policy'),
  },
  {
    name: 'socketmap',
    title: 'socketmap, 16 × 8',
    servers: ['bearerd'],
    accounts: 'small',
    measure: (bench, server) => postfixLookups(bench, server, 'socketmap'),
  },
]
