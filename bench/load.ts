/**
 * Load: N connections, M requests outstanding on each, every reply checked: its id, its verb, its name, whole.
 *
 * Lean, so that it doesn't take the processor from the server it measures: requests are prepared buffers, what is due on a
 * connection goes out in one write, replies are compared where they stand in the chunk. Ids are used again once they are
 * answered, as the protocol allows; neighbouring requests ask for different users, so a reply that belongs to another
 * request is noticed.
 *
 * A wrong reply, a closed connection and a reply that doesn't come within `patienceMs` end the run with an error.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Request = {
  readonly bytes: Buffer
  /** What the reply must be, or begin with up to the end of a field. */
  readonly reply: string
}

export type Protocol = {
  /** Sent on connecting. */
  readonly hello: string
  /** Whether all of the server's greeting has come. */
  greeted(text: string): boolean
  /** Where the reply that begins at `from` ends; -1 while it is incomplete. */
  replyEnd(text: string, from: number): number
  /** Replies carry the id of their request and come in any order; otherwise they come in the requests' order. */
  readonly ids: boolean
}

const lineEnd = (text: string, from: number) => text.indexOf('\n', from) + 1 || -1

/** The handshake ends with DONE. CPID is the same on all connections: on a plain auth socket no server minds. */
export const authClient: Protocol = {
  hello: `VERSION\t1\t2\nCPID\t${process.pid}\n`,
  greeted: text => text.endsWith('DONE\n'),
  replyEnd: lineEnd,
  ids: true,
}
export const authMaster: Protocol = {
  hello: 'VERSION\t1\t1\n',
  greeted: text => /SPID\t\d+\n$/.test(text),
  replyEnd: lineEnd,
  ids: true,
}
export const policy: Protocol = {
  hello: '',
  greeted: () => true,
  replyEnd: (text, from) => {
    const end = text.indexOf('\n\n', from)
    return end < 0 ? -1 : end + 2
  },
  ids: false,
}
export const socketmap: Protocol = {
  hello: '',
  greeted: () => true,
  replyEnd: (text, from) => {
    const colon = text.indexOf(':', from)
    if (colon < 0) return -1
    const end = colon + Number(text.slice(from, colon)) + 2
    return end <= text.length ? end : -1
  },
  ids: false,
}

export type Load = {
  readonly path: string
  readonly protocol: Protocol
  readonly connections: number
  readonly outstanding: number
  /** The next request for a slot; `id` (from 1) is unique among those outstanding on one connection. */
  next(slot: number, id: number): Request
}

export type Figures = {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

const patienceMs = 10_000

type Lane = { start(): void; destroy(): void }
type Events = {
  greeted(): void
  /** A good reply. Whether to send another request. */
  replied(sentAt: number, now: number): boolean
  failed(error: Error): void
}

/** Does what follows a matching prefix end the reply, or the field? */
function complete(text: string, at: number, end: number): boolean {
  return at === end || text.charCodeAt(at) === 9 || text.charCodeAt(at) === 10
}

function openLane(load: Load, index: number, events: Events): Lane {
  const { protocol, outstanding } = load
  const pending: (Request | undefined)[] = Array.from({ length: outstanding }, () => undefined)
  const sentAt = new Float64Array(outstanding)
  let rest = ''
  let greeted = protocol.hello === ''
  let oldest = 0

  const buffer = Buffer.allocUnsafe(65536)
  const socket: Socket = connect({
    path: load.path,
    onread: {
      buffer,
      callback: length => {
        received(buffer.toString('latin1', 0, length))
        return true
      },
    },
  })
  socket.on('connect', () => {
    if (protocol.hello !== '') socket.write(protocol.hello)
    if (greeted) events.greeted()
  })
  socket.on('error', error => events.failed(error))
  socket.on('close', () => events.failed(new Error('the server closed the connection')))

  function send(slot: number, now: number): void {
    const request = load.next(index * outstanding + slot, slot + 1)
    pending[slot] = request
    sentAt[slot] = now
    socket.write(request.bytes)
  }

  function slotOf(text: string, from: number): number {
    if (!protocol.ids) {
      const slot = oldest
      oldest = (oldest + 1) % outstanding
      return slot
    }
    const tab = text.indexOf('\t', from)
    return Number.parseInt(text.slice(tab + 1, tab + 11), 10) - 1
  }

  function received(chunk: string): void {
    const text = rest === '' ? chunk : rest + chunk
    if (!greeted) {
      rest = text
      if (!protocol.greeted(text)) return
      greeted = true
      rest = ''
      events.greeted()
      return
    }
    const now = performance.now()
    let from = 0
    socket.cork()
    for (let end = protocol.replyEnd(text, 0); end > 0; end = protocol.replyEnd(text, from)) {
      const slot = slotOf(text, from)
      const reply = pending[slot]?.reply
      if (reply === undefined || !text.startsWith(reply, from) || !complete(text, from + reply.length, end)) {
        events.failed(new Error(`wanted ${JSON.stringify(reply)}, got ${JSON.stringify(text.slice(from, end))}`))
        return
      }
      pending[slot] = undefined
      if (events.replied(sentAt[slot] ?? now, now)) send(slot, now)
      from = end
      if (from === text.length) break
    }
    socket.uncork()
    rest = from === text.length ? '' : text.slice(from)
  }

  return {
    start: () => {
      const now = performance.now()
      socket.cork()
      for (let slot = 0; slot < outstanding; slot++) send(slot, now)
      socket.uncork()
    },
    destroy: () => {
      socket.removeAllListeners('close')
      socket.destroy()
    },
  }
}

function summary(latencies: readonly number[], seconds: number): Figures {
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { requests: sorted.length, seconds, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}

/** What a run does with its lanes: `begin` once all are greeted, `replied` for every reply. */
type Plan = { begin(): void | Promise<void>; replied(sentAt: number, now: number): boolean }

/** Opens the lanes, carries out a plan on them and closes them, when it says so or when anything is wrong. */
function drive(load: Load, plan: (lanes: readonly Lane[], done: (figures: Figures) => void) => Plan): Promise<Figures> {
  return new Promise((resolve, reject) => {
    let [greeted, replies, seen] = [0, 0, -1]
    const lanes: Lane[] = []
    const { begin, replied } = plan(lanes, figures => finish(() => resolve(figures)))
    const failed = (error: Error) => finish(() => reject(error))
    const patience = setInterval(() => {
      if (replies === seen) failed(new Error(`no reply for ${patienceMs / 1000} s`))
      seen = replies
    }, patienceMs)
    const events: Events = {
      greeted: () => {
        greeted++
        if (greeted === load.connections) void begin()
      },
      replied: (sentAt, now) => {
        replies++
        return replied(sentAt, now)
      },
      failed,
    }
    for (let index = 0; index < load.connections; index++) lanes.push(openLane(load, index, events))

    function finish(settle: () => void): void {
      clearInterval(patience)
      for (const lane of lanes) lane.destroy()
      settle()
    }
  })
}

/** Called at both ends of what counts: the place to read the server's processor time. */
export type Meter = { begin(): Promise<void>; end(): void }

/** Keeps every slot busy for `warmUpMs`, which doesn't count, and then for `measureMs`. */
export function sustain(load: Load, warmUpMs: number, measureMs: number, meter: Meter): Promise<Figures> {
  return drive(load, (lanes, done) => {
    const latencies: number[] = []
    let since = Number.POSITIVE_INFINITY
    async function measure(): Promise<void> {
      await sleep(warmUpMs)
      await meter.begin()
      since = performance.now()
      await sleep(measureMs)
      const seconds = (performance.now() - since) / 1000
      meter.end()
      done(summary(latencies, seconds))
    }
    return {
      begin: () => {
        for (const lane of lanes) lane.start()
        void measure()
      },
      replied: (sentAt, now) => {
        if (now >= since) latencies.push(now - sentAt)
        return true
      },
    }
  })
}

/** Sends one request per slot, all at once, and waits for the last reply. */
export function once(load: Load, meter?: Meter): Promise<Figures> {
  return drive(load, (lanes, done) => {
    const latencies: number[] = []
    let since = 0
    return {
      begin: async () => {
        await meter?.begin()
        since = performance.now()
        for (const lane of lanes) lane.start()
      },
      replied: (sentAt, now) => {
        latencies.push(now - sentAt)
        if (latencies.length === load.connections * load.outstanding) {
          meter?.end()
          done(summary(latencies, (now - since) / 1000))
        }
        return false
      },
    }
  })
}

/** Connects, waits for the greeting, sends one request, reads its reply, closes. The latency is that of all of it. */
export async function single(path: string, protocol: Protocol, request: Request): Promise<number> {
  const started = performance.now()
  await once({ path, protocol, connections: 1, outstanding: 1, next: () => request })
  return performance.now() - started
}

/** `single` over and over, `lanes` at a time, for as long as `sustain` would. */
export async function reconnect(
  lanes: number,
  dial: (lane: number) => Promise<number>,
  warmUpMs: number,
  measureMs: number,
  meter: Meter,
): Promise<Figures> {
  const latencies: number[] = []
  let [running, counting] = [true, false]
  const dialling = Array.from({ length: lanes }, async (_, lane) => {
    while (running) {
      const tookMs = await dial(lane)
      if (counting) latencies.push(tookMs)
    }
  })
  // Should a lane fail while the others go on, that ends the run at its end.
  const all = Promise.all(dialling)
  all.catch(() => {})
  await sleep(warmUpMs)
  await meter.begin()
  counting = true
  const since = performance.now()
  await sleep(measureMs)
  const seconds = (performance.now() - since) / 1000
  meter.end()
  running = counting = false
  await all
  return summary(latencies, seconds)
}
