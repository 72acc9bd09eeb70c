/** The issuer's keys: when they are fetched, what waits for that, and what happens when it fails. */
import assert from 'node:assert/strict'
import { afterEach, describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Fault } from '../../src/oidc/fault.ts'
import { createKeySet } from '../../src/oidc/jws.ts'
import { createKeys, type JwsRules, type Keys, type KeysOptions } from '../../src/oidc/keys.ts'
import type { Claims } from '../../src/oidc/token-verdict.ts'
import { newSigner, publicJwk, signJwt } from '../support/jws.ts'

const rules: JwsRules = { algorithms: ['ES256'], types: ['at+jwt'] }
const [first, second, stranger] = [newSigner('1', 'ES256'), newSigner('2', 'ES256'), newSigner('x', 'ES256')]
const token = (signer = first, kid = signer.kid) => signJwt(signer, { sub: 'alice' }, { kid })

const minute = 60_000
const refreshMs = 10 * minute
const maxAgeMs = 24 * 60 * minute

type Timer = { readonly act: () => void; readonly atMs: number; keepsAlive: boolean }

/** Time stands still but for what a test lets pass. */
function stopTime({ mock }: TestContext) {
  let nowMs = Date.UTC(2026, 10, 21)
  const timers = new Set<Timer>()
  mock.method(globalThis, 'setTimeout', (act: () => void, ms: number) => {
    const timer = { act, atMs: nowMs + ms, keepsAlive: true }
    timers.add(timer)
    return Object.assign(timer, {
      unref() {
        timer.keepsAlive = false
        return timer
      },
    })
  })
  mock.method(globalThis, 'clearTimeout', (timer: Timer) => timers.delete(timer))
  return {
    nowMs: () => nowMs,
    pass(ms: number): void {
      nowMs += ms
      for (const timer of [...timers]) if (timer.atMs <= nowMs && timers.delete(timer)) timer.act()
    },
    setBack(ms: number): void {
      nowMs -= ms
    },
    /** In how many milliseconds something is to happen. */
    waiting: () => [...timers].filter(({ keepsAlive }) => keepsAlive).map(({ atMs }) => atMs - nowMs),
    inBackground: () => [...timers].filter(({ keepsAlive }) => !keepsAlive).map(({ atMs }) => atMs - nowMs),
  }
}

const until = async (isSo: () => boolean) => {
  while (!isSo()) await turn()
}

/** All that is under way without waiting for time to pass, or for a fetch that a test holds back. */
const quiet = async () => {
  for (let turns = 0; turns < 20; turns++) await turn()
}

const started: Keys[] = []
afterEach(() => {
  for (const keys of started.splice(0)) keys.stop()
})

/** Keys of an issuer that answers as a test says: with keys, with a fault, or not before `release`. */
function start(t: TestContext, options: Partial<KeysOptions> & { keys?: Claims[]; fault?: Fault } = {}) {
  const time = stopTime(t)
  const said: string[] = []
  let answer: Claims[] | Fault = options.fault ?? options.keys ?? [publicJwk(first)]
  let fetches = 0
  let held: Promise<void> | undefined
  let release = () => {}
  const all: KeysOptions = {
    fetch: async () => {
      fetches++
      await held
      if (answer instanceof Fault) throw answer
      return createKeySet({ keys: answer })
    },
    disk: undefined,
    issuer: 'https://idp.example.org',
    refreshMs,
    maxAgeMs,
    onWithdrawn: () => said.push('withdrawn'),
    onFailed: error => said.push(`failed: ${error instanceof Fault ? error.code : error}`),
    onDiskFailed: error => said.push(`disk failed: ${error}`),
    nowMs: time.nowMs,
    ...options,
  }
  return {
    time,
    said,
    fetches: () => fetches,
    publish: (...signers: (typeof first)[]) => {
      answer = signers.map(signer => publicJwk(signer))
    },
    answer: (next: Claims[] | Fault) => {
      answer = next
    },
    /** From now on, the issuer thinks about it until `release`. */
    hold: () => {
      held = new Promise(resolve => {
        release = resolve
      })
    },
    release: () => {
      held = undefined
      release()
    },
    begin(): Keys {
      const keys = createKeys(all)
      started.push(keys)
      return keys
    },
    /** After the first fetch, and 3 s. */
    async ready(): Promise<Keys> {
      const keys = this.begin()
      await until(() => time.inBackground().length > 0)
      time.pass(3000)
      return keys
    },
  }
}

/** "verified by 1", a reason, or the code of a fault. */
async function judge(keys: Keys, jws: string): Promise<string> {
  try {
    const verdict = await keys.verify(jws, rules)
    return verdict.kind === 'verified' ? `verified by ${verdict.key}` : verdict.reason
  } catch (error) {
    if (error instanceof Fault) return error.code
    throw error
  }
}

/** The same, with as much time as that takes. */
async function judgeAtLast(time: ReturnType<typeof stopTime>, keys: Keys, jws: string): Promise<string> {
  let verdict: string | undefined
  const judged = judge(keys, jws).then(found => {
    verdict = found
    return found
  })
  await until(() => verdict !== undefined || time.waiting().length > 0)
  for (const ms of time.waiting()) time.pass(ms)
  return judged
}

const down = new Fault('ECONNREFUSED')

describe('at the start', () => {
  it('keys are fetched at once, and a token waits for them', async t => {
    const issuer = start(t)
    issuer.hold()
    const keys = issuer.begin()
    assert.equal(issuer.fetches(), 1)
    assert.equal(keys.state(), undefined)
    const judged = judge(keys, token())
    issuer.release()
    assert.equal(await judged, 'verified by 1')
    assert.equal(issuer.fetches(), 1)
    assert.deepEqual(keys.state(), { count: 1, fetchedMs: issuer.time.nowMs() })
  })
  it('there is no verdict while the issuer is down', async t => {
    const issuer = start(t, { fault: down })
    const keys = issuer.begin()
    assert.equal(await judge(keys, token()), 'ECONNREFUSED')
    assert.deepEqual(issuer.said, ['failed: ECONNREFUSED'])
    issuer.publish(first)
    const judged = judge(keys, token())
    issuer.time.pass(3000)
    assert.equal(await judged, 'verified by 1')
  })
  it('a token that breaks the rules waits for nothing', async t => {
    const issuer = start(t)
    issuer.hold()
    assert.equal(await judge(issuer.begin(), 'e30.e30.'), 'algorithm_not_allowed')
  })
})

describe('at intervals', () => {
  it('keys are fetched, after a failure within a minute', async t => {
    const issuer = start(t)
    issuer.begin()
    await until(() => issuer.time.inBackground().length > 0)
    assert.deepEqual(issuer.time.inBackground(), [refreshMs])
    issuer.answer(down)
    issuer.time.pass(refreshMs)
    await until(() => issuer.said.length > 0)
    assert.deepEqual(issuer.time.inBackground(), [minute])
    issuer.publish(first)
    issuer.time.pass(minute)
    await until(() => issuer.time.inBackground().includes(refreshMs))
    assert.equal(issuer.fetches(), 3)
    assert.deepEqual(issuer.said, ['failed: ECONNREFUSED'])
    assert.deepEqual(issuer.time.waiting(), [], 'and none of this keeps the process alive')
  })
  it('a withdrawn key verifies nothing any more, and what it has verified is to be forgotten', async t => {
    const issuer = start(t, { keys: [publicJwk(first), publicJwk(second)] })
    const keys = await issuer.ready()
    assert.equal(await judge(keys, token(first)), 'verified by 1')
    issuer.publish(second)
    issuer.time.pass(refreshMs)
    await until(() => issuer.said.length > 0)
    assert.deepEqual(issuer.said, ['withdrawn'])
    issuer.time.pass(3000)
    assert.equal(await judge(keys, token(first)), 'unknown_key')
    assert.equal(await judge(keys, token(second)), 'verified by 2')
    assert.deepEqual(issuer.said, ['withdrawn'])
  })
  it('a key is withdrawn, too, when there is another with its kid, or when it is for something else', async t => {
    const issuer = start(t)
    await issuer.ready()
    const changes: Claims[] = [
      publicJwk({ ...second, kid: '1' }),
      publicJwk({ ...second, kid: '1' }, { alg: 'ES256' }),
      publicJwk(second, { alg: 'ES256' }),
    ]
    for (const [index, key] of changes.entries()) {
      issuer.answer([key])
      issuer.time.pass(refreshMs)
      await until(() => issuer.said.length > index)
    }
    issuer.answer([publicJwk(second, { alg: 'ES256', x5t: 'new' }), publicJwk(first)])
    issuer.time.pass(refreshMs)
    await until(() => issuer.time.inBackground().length > 0)
    assert.deepEqual(
      issuer.said,
      changes.map(() => 'withdrawn'),
      'but not when one is added',
    )
  })
  it('an answer without a usable key withdraws nothing: it is a failure', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.answer([publicJwk(first, { use: 'enc' })])
    issuer.time.pass(refreshMs)
    await until(() => issuer.said.length > 0)
    assert.deepEqual(issuer.said, ['failed: NO_KEYS'])
    assert.equal(await judge(keys, token()), 'verified by 1')
  })
  it('a key that is withdrawn while it verifies has verified nothing', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    const { verify } = crypto.subtle
    let goOn = () => {}
    let isVerifying = false
    const gate = new Promise<void>(resolve => {
      goOn = resolve
    })
    t.mock.method(crypto.subtle, 'verify', async (...given: Parameters<typeof verify>) => {
      isVerifying = true
      await gate
      return verify.apply(crypto.subtle, given)
    })
    const judged = judge(keys, token())
    await until(() => isVerifying)
    issuer.publish(second)
    issuer.time.pass(refreshMs)
    await until(() => issuer.said.length > 0)
    goOn()
    assert.equal(await judged, 'unknown_key')
    assert.equal(issuer.fetches(), 2)
  })
})

describe('before a token is refused', () => {
  it('keys are fetched: the issuer may have a new one', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.publish(first, second)
    assert.equal(await judge(keys, token(second)), 'verified by 2')
    assert.equal(await judge(keys, token(second)), 'verified by 2')
    assert.equal(issuer.fetches(), 2)
    assert.deepEqual(issuer.said, [])
  })
  it('also when its kid is known: the issuer may have changed the key', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.publish({ ...second, kid: '1' })
    assert.equal(await judge(keys, token(second, '1')), 'verified by 1')
    assert.deepEqual(issuer.said, ['withdrawn'])
  })
  it('once for all who wait, and at least 3 s after the last time', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    const burst = () => Promise.all(Array.from({ length: 100 }, () => judge(keys, token(stranger))))
    assert.deepEqual(new Set(await burst()), new Set(['unknown_key']))
    assert.equal(issuer.fetches(), 2)

    issuer.time.pass(1000)
    const judged = burst()
    await until(() => issuer.time.waiting().length > 0)
    assert.deepEqual(issuer.time.waiting(), [2000])
    assert.equal(await judge(keys, token()), 'verified by 1', 'a good one waits for nothing')
    issuer.time.pass(1999)
    await quiet()
    assert.equal(issuer.fetches(), 2)
    issuer.time.pass(1)
    assert.deepEqual(new Set(await judged), new Set(['unknown_key']))
    assert.equal(issuer.fetches(), 3)
  })
  it('a fetch that began before it came can let it in, but not shut it out', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.publish(first, second)
    issuer.hold()
    issuer.time.pass(refreshMs)
    const judged = [second, stranger, { ...stranger, kid: '1' }].map(signer => judge(keys, token(signer)))
    await quiet()
    assert.equal(issuer.fetches(), 2)
    issuer.release()
    assert.equal(await judged[0], 'verified by 2')
    await until(() => issuer.time.waiting().length > 0)
    assert.deepEqual(issuer.time.waiting(), [3000])
    issuer.time.pass(3000)
    assert.deepEqual(await Promise.all(judged.slice(1)), ['unknown_key', 'bad_signature'])
    assert.equal(issuer.fetches(), 3)
  })
  it('and if they cannot be fetched, it is not refused', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.answer(down)
    assert.equal(await judge(keys, token(stranger)), 'ECONNREFUSED')
    assert.equal(await judge(keys, token()), 'verified by 1')
    issuer.answer([])
    issuer.time.pass(3000)
    assert.equal(await judge(keys, token(stranger, '1')), 'NO_KEYS')
    assert.deepEqual(issuer.said, [], 'who asked has been told')
  })
  it('and where 512 wait already, there is no verdict on others, but on good tokens', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.hold()
    const waiting = Array.from({ length: 512 }, () => judge(keys, token(stranger)))
    await quiet()
    assert.equal(await judge(keys, token(stranger)), 'TOO_MANY_WAIT')
    assert.equal(await judge(keys, token(first)), 'verified by 1')
    issuer.release()
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['unknown_key']))
    issuer.time.pass(3000)
    assert.equal(await judge(keys, token(stranger)), 'unknown_key')
  })
  it('no longer than 3 s, though the clock be set back', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.time.setBack(60 * minute)
    const judged = judge(keys, token(stranger))
    await until(() => issuer.time.waiting().length > 0)
    assert.deepEqual(issuer.time.waiting(), [3000])
    issuer.time.pass(3000)
    assert.equal(await judged, 'unknown_key')
  })
  it('it is told what was seen, and which keys there are', async t => {
    const issuer = start(t, {
      keys: Array.from({ length: 20 }, (_, index) => publicJwk(first, { kid: `key ${index}` })),
    })
    const verdict = await (await issuer.ready()).verify(token(stranger, 'a\nb'), rules)
    if (verdict.kind !== 'refused') return assert.fail()
    assert.equal(verdict.detail, 'kid is "a\\nb", alg is "ES256"')
    assert.match(verdict.expected ?? '', /^one of the issuer's keys: "key 0" \(P-256\), .*"key 15" \(P-256\) …$/)
  })
})

describe('an outage', () => {
  it('harms no token of a known key, until the keys are too old', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    issuer.answer(down)
    issuer.time.pass(maxAgeMs - 3000)
    assert.equal(await judge(keys, token()), 'verified by 1')
    issuer.time.pass(3000)
    assert.equal(await judge(keys, token()), 'KEYS_TOO_OLD')
    issuer.publish(first)
    issuer.time.pass(3000)
    assert.equal(await judge(keys, token()), 'verified by 1')
  })
})

describe('on disk', () => {
  const issuerUrl = 'https://idp.example.org'
  /** What is written to it, and what it gives. */
  const diskWith = (content?: string) => {
    const written: string[] = []
    return { written, read: async () => content, write: async (text: string) => void written.push(text) }
  }
  const stored = (more: object = {}) =>
    JSON.stringify({ issuer: issuerUrl, fetched: '2026-11-20T12:00:00Z', keys: [publicJwk(first)], ...more })

  it('keys outlast a restart while the issuer is down', async t => {
    const before = diskWith()
    await start(t, { disk: before }).ready()
    await until(() => before.written.length > 0)
    t.mock.restoreAll()
    const disk = diskWith(before.written[0])
    const { begin, time } = start(t, { disk, fault: down })
    const keys = begin()
    assert.equal(await judge(keys, token()), 'verified by 1')
    assert.deepEqual(keys.state(), { count: 1, fetchedMs: Date.UTC(2026, 10, 21) })
    assert.equal(await judgeAtLast(time, keys, token(stranger)), 'ECONNREFUSED')
    assert.deepEqual(disk.written, [])
  })
  it('they are public, and say whose they are and when they were fetched', async t => {
    const disk = diskWith()
    await start(t, { disk, keys: [publicJwk(first, { x5c: ['MII'] }), publicJwk(second, { d: 'secret' })] }).ready()
    await until(() => disk.written.length > 0)
    const { kty, crv, x, y } = publicJwk(first)
    assert.deepEqual(JSON.parse(disk.written[0] ?? ''), {
      issuer: issuerUrl,
      fetched: '2026-11-21T00:00:00.000Z',
      keys: [{ kty, crv, x, y, kid: '1' }],
    })
  })
  it('those of another issuer, garbage, and keys that are no keys, are none', async t => {
    const contents = [
      stored({ issuer: `${issuerUrl}/` }),
      stored({ issuer: undefined }),
      stored({ fetched: 'yesterday' }),
      stored({ fetched: undefined }),
      stored({ keys: [] }),
      stored({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }),
      stored({ keys: undefined }),
      stored().slice(0, -5),
      '',
      'null',
      '\u0000'.repeat(1000),
    ]
    for (const content of contents) {
      const { begin, time } = start(t, { disk: diskWith(content), fault: down })
      const keys = begin()
      assert.equal(await judgeAtLast(time, keys, token()), 'ECONNREFUSED', content)
      assert.equal(keys.state(), undefined)
      t.mock.restoreAll()
    }
  })
  it('those that are too old verify nothing', async t => {
    const old = start(t, { disk: diskWith(stored({ fetched: '2026-11-19T23:59:59Z' })), fault: down })
    const keys = old.begin()
    assert.equal(await judgeAtLast(old.time, keys, token()), 'KEYS_TOO_OLD')
    old.publish(first)
    assert.equal(await judgeAtLast(old.time, keys, token()), 'verified by 1')
  })
  it('those from the future are from now', async t => {
    const { begin, time } = start(t, { disk: diskWith(stored({ fetched: '2036-11-21T00:00:00Z' })), fault: down })
    const keys = begin()
    assert.equal(await judge(keys, token()), 'verified by 1')
    time.pass(maxAgeMs + 1)
    assert.equal(await judgeAtLast(time, keys, token()), 'KEYS_TOO_OLD')
  })
  it('a key that the issuer has withdrawn meanwhile is withdrawn', async t => {
    const issuer = start(t, { disk: diskWith(stored()), keys: [publicJwk(second)] })
    issuer.hold()
    const keys = issuer.begin()
    assert.equal(await judge(keys, token()), 'verified by 1')
    issuer.release()
    await until(() => issuer.said.length > 0)
    assert.deepEqual(issuer.said, ['withdrawn'])
  })
  it('never replaces what was fetched', async t => {
    let read = (_: string) => {}
    const text = new Promise<string>(resolve => {
      read = resolve
    })
    const issuer = start(t, { disk: { ...diskWith(), read: () => text }, keys: [publicJwk(second)] })
    const keys = await issuer.ready()
    assert.equal(await judge(keys, token(second)), 'verified by 2', 'without waiting for the disk')
    read(stored())
    await quiet()
    assert.equal(await judge(keys, token(second)), 'verified by 2')
    assert.equal(issuer.fetches(), 1)
    assert.equal(await judgeAtLast(issuer.time, keys, token(first)), 'unknown_key')
  })
  it('a disk that fails is told of once, and harms nobody', async t => {
    const disk = {
      read: () => Promise.reject(new Error('EIO')),
      write: () => Promise.reject(new Error('ENOSPC')),
    }
    const issuer = start(t, { disk })
    const keys = await issuer.ready()
    issuer.time.pass(refreshMs)
    await until(() => issuer.fetches() === 2)
    await quiet()
    assert.equal(await judge(keys, token()), 'verified by 1')
    assert.deepEqual(issuer.said, ['disk failed: Error: EIO'])
  })
})

describe('stopped', () => {
  it('nothing is fetched any more, and nobody waits for it', async t => {
    const issuer = start(t)
    const keys = await issuer.ready()
    assert.equal(await judge(keys, token(stranger)), 'unknown_key')
    const judged = judge(keys, token(stranger))
    await until(() => issuer.time.waiting().length > 0)
    keys.stop()
    assert.equal(await judged, 'STOPPED')
    assert.deepEqual([...issuer.time.waiting(), ...issuer.time.inBackground()], [])
    assert.equal(await judge(keys, token(stranger)), 'STOPPED')
    assert.equal(issuer.fetches(), 2)
  })
  it("a fetch that fails then is nobody's concern", async t => {
    const issuer = start(t, { fault: down })
    issuer.hold()
    issuer.begin().stop()
    issuer.release()
    await quiet()
    assert.deepEqual(issuer.said, [])
  })
  it('during a fetch, there is no other one after it', async t => {
    const issuer = start(t)
    issuer.hold()
    const keys = issuer.begin()
    const judged = judge(keys, token())
    await quiet()
    keys.stop()
    issuer.release()
    assert.equal(await judged, 'verified by 1')
    issuer.time.pass(3000)
    assert.equal(await judge(keys, token(stranger)), 'STOPPED')
    assert.deepEqual([...issuer.time.waiting(), ...issuer.time.inBackground()], [])
  })
})
