/** Files read again: what stayed is the same block, and an index that took it over answers like one made anew. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Account } from '../../src/accounts/account.ts'
import { createIndex, type IndexBuilder } from '../../src/accounts/accounts.ts'
import { accountOn, type Block, createBlock } from '../../src/accounts/block.ts'
import { type Cut, createCutter } from '../../src/accounts/cutter.ts'
import { createLineParser } from '../../src/accounts/file.ts'
import { createNameLists } from '../../src/accounts/name-lists.ts'
import { createSections, type Section } from '../../src/accounts/sections.ts'
import { account } from '../support/accounts.ts'

const runs = { numRuns: 200 }
const blockBytes = 200

const line = fc.oneof(
  fc.nat({ max: 99 }).map(n => `{"address":"u${n}@one.org"}`),
  fc.constantFrom('', ' ', 'é', 'x'.repeat(120)),
)
const lines = fc.array(line, { maxLength: 40 })
const cuts = fc.array(fc.nat({ max: 10_000 }), { maxLength: 8 })

function cut(bytes: Buffer, former: readonly Block[] = [], places: readonly number[] = []): Cut[] {
  const cutter = createCutter(former, blockBytes)
  const all: Cut[] = []
  const starts = [0, ...places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b)]
  const buffer = Buffer.alloc(bytes.length)
  for (const [index, start] of starts.entries()) {
    const length = bytes.copy(buffer, 0, start, starts[index + 1] ?? bytes.length)
    all.push(...cutter.push(buffer.subarray(0, length)))
    buffer.fill(0x78)
  }
  all.push(...cutter.end())
  return all
}

const text = (rows: readonly string[]): Buffer => Buffer.from(rows.map(row => `${row}\n`).join(''))
const joined = (all: readonly Cut[]): string => Buffer.concat(all.map(({ block }) => block.bytes)).toString()

test('blocks are the file in whole lines, however its bytes come, and know where their lines are', () => {
  fc.assert(
    fc.property(lines, lines, cuts, fc.boolean(), (before, after, places, isEnded) => {
      const former = cut(text(before)).map(({ block }) => block)
      const bytes = text(after)
      const given = isEnded ? bytes : bytes.subarray(0, -1)
      const all = cut(given, former, places)
      const whole = given.length === 0 || given.at(-1) === 10 ? given.toString() : `${given}\n`
      assert.equal(joined(all), whole)
      const rows = whole.split('\n')
      for (const { block, line } of all) {
        assert.ok(block.bytes.length <= blockBytes)
        for (const [n, start] of block.starts.entries()) {
          const row = block.bytes.subarray(start, block.starts[n + 1]).toString()
          assert.equal(row, `${rows[line - 1 + n]}\n`)
        }
      }
    }),
    runs,
  )
})

test('of a line that is too long the beginning is told, and the lines after it are whole', () => {
  fc.assert(
    fc.property(fc.integer({ min: blockBytes, max: 2000 }), cuts, fc.boolean(), (length, places, hasMore) => {
      const all = cut(text(['a', 'x'.repeat(length), ...(hasMore ? ['b'] : [])]), [], places)
      const last = all.at(-1)
      assert.ok(joined(all).startsWith('a\nxxx'))
      if (hasMore) assert.equal(last?.block.bytes.subarray(last.block.starts.at(-1)).toString(), 'b\n')
      assert.equal((last?.line ?? 0) + (last?.block.starts.length ?? 0) - 1, hasMore ? 3 : 2)
    }),
    runs,
  )
})

test('blocks stay where lines are changed, put in or taken out before and behind them', () => {
  const unique = fc.uniqueArray(fc.nat({ max: 9_999 }), { minLength: 40, maxLength: 60 })
  fc.assert(
    fc.property(
      unique,
      fc.nat(),
      fc.array(fc.integer({ min: 10_000, max: 20_000 }), { maxLength: 3 }),
      (rows, at, put) => {
        const write = (numbers: readonly number[]): Buffer => text(numbers.map(n => `{"address":"u${n}@one.org"}`))
        const former = cut(write(rows)).map(({ block }) => block)
        const place = at % rows.length
        const now = new Set(
          cut(write([...rows.slice(0, place), ...put, ...rows.slice(place + 1)]), former).map(c => c.block),
        )
        // The block that was changed is new; the last one is perhaps too small to be looked for.
        assert.ok(former.filter(block => now.has(block)).length >= former.length - 2)
      },
    ),
    runs,
  )
})

test('the account on a line is the one that the file parser reads there', () => {
  fc.assert(
    fc.property(fc.constantFrom('', '\ufeff'), fc.array(fc.nat({ max: 99 }), { maxLength: 5 }), (mark, numbers) => {
      const bytes = Buffer.from(
        mark + numbers.map(n => `\r\n {"address":"ü${n}@one.org","created":"2026-01-01T00:00:00Z"}\n`).join(''),
      )
      const block = createBlock(bytes)
      const { entries } = createLineParser('f').push(bytes)
      const found = [...block.starts.keys()].flatMap(n => accountOn(block, n) ?? [])
      assert.deepEqual(
        found,
        entries.map(entry => entry.account),
      )
    }),
    runs,
  )
})

// A small world, so that everybody meets everybody; each has an address of her own.
const domain = fc.constantFrom('one.org', 'two.org', 'three.org')
const someone = fc.record(
  {
    address: fc.tuple(fc.nat({ max: 60 }), domain).map(([n, host]) => `u${n}@${host}`),
    aliases: fc.array(
      fc.oneof(
        fc.nat({ max: 200 }).map(n => `a${n}@one.org`),
        domain.map(host => `@${host}`),
      ),
      { maxLength: 2 },
    ),
    username: fc.constantFrom('u', 'v', '__proto__'),
    subject: fc.constantFrom('s', 't', 'x'),
    directory: fc.constantFrom('x', 'y'),
    'send-as': fc.array(fc.constantFrom('i@one.org', 'j@one.org'), { maxLength: 2 }),
  },
  { requiredKeys: ['address'] },
)
type Someone = { readonly address: string }

function empty(): IndexBuilder {
  return createIndex({ delimiter: '+', defaults: {}, directories: ['x', 'y'], seed: [1, 2] })
}

const isError = ({ severity }: { severity: string }): boolean => severity === 'error'

/** Those that get on with each other, first come, first served. */
function choose(candidates: readonly Someone[]): Someone[] {
  const chosen: Someone[] = []
  for (const one of candidates) {
    const rows = [...chosen, one].map(row => JSON.stringify(row))
    if (!build(cut(text(rows))).problems.some(isError)) chosen.push(one)
  }
  return chosen
}

/** As a load does it; takes over from the former builder what it has. */
function build(all: readonly Cut[], former?: IndexBuilder) {
  const builder = empty()
  const before = new Map(former?.sections.list.map(section => [section.block, section]))
  const sections = all.map(({ block, line }) => builder.sections.addBlock('f', block, line))
  const kept = new Map<Section, Section>()
  for (const section of sections) {
    const same = before.get(section.block)
    if (same !== undefined) kept.set(same, section)
  }
  if (former !== undefined) for (const _ of builder.inherit(former, kept));
  const inherited = new Set(kept.values())
  const problems = sections.flatMap((section, n) => {
    if (inherited.has(section)) return []
    const parsed = createLineParser('f', all[n]?.line).push(section.block?.bytes ?? Buffer.alloc(0))
    return [...parsed.problems, ...builder.fill(section, parsed.entries)]
  })
  return { builder, problems, kept: kept.size }
}

const crowd = fc.array(someone, { minLength: 5, maxLength: 15 })

test('an index that took over from a former one answers like one made anew', () => {
  let kept = 0
  fc.assert(
    fc.property(
      crowd,
      fc.nat(),
      fc.nat({ max: 3 }),
      fc.array(someone, { maxLength: 3 }),
      (all, at, gone, newcomers) => {
        const before = choose(all)
        const place = at % (before.length + 1)
        const rows = [...before.slice(0, place), ...newcomers, ...before.slice(place + gone)]
        const former = cut(text(before.map(row => JSON.stringify(row))))
        const first = build(former)
        const bytes = text(rows.map(row => JSON.stringify(row)))
        const taken = build(
          cut(
            bytes,
            former.map(({ block }) => block),
          ),
          first.builder,
        )
        const anew = build(cut(bytes))
        kept += taken.kept
        assert.equal(taken.problems.some(isError), anew.problems.some(isError))
        if (anew.problems.some(isError)) return
        const answers = ({ builder: { index } }: typeof anew): unknown => ({
          size: index.size,
          all: [...index.all()],
          recipients: Array.from({ length: 61 }, (_, n) =>
            ['one', 'two', 'three', 'four'].flatMap(host => [
              index.recipient(`u${n}+x@${host}.org`),
              index.recipient(`a${n * 3}@${host}.org`),
            ]),
          ),
          domains: ['one.org', 'two.org', 'three.org'].map(index.hasDomain),
          usernames: ['u', 'v', '__proto__'].map(name => new Set(index.byUsername(name))),
          subjects: ['s', 't', 'x'].map(name => new Set(index.bySubject(name))),
          senders: ['i@one.org', 'j+x@one.org'].map(name => new Set(index.senders(name))),
        })
        assert.deepEqual(answers(taken), answers(anew))
      },
    ),
    { numRuns: 100 },
  )
  assert.ok(kept > 50, `only ${kept} blocks were kept`)
})

test('name lists: everybody who has a name, and only those', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', '__proto__'), { maxLength: 20 }),
      fc.array(fc.boolean()),
      (names, stays) => {
        const owns = (all: readonly (string | undefined)[]) => (position: number, name: string) =>
          all[position] === name
        const lists = createNameLists(owns(names), [1, 2])
        for (const [position, name] of names.entries()) lists.add(name, position)
        const later = names.filter((_, n) => stays[n])
        const moved = Int32Array.from(names, (_, n) => (stays[n] ? stays.slice(0, n).filter(Boolean).length : -1))
        const heirs = createNameLists(owns(later), [1, 2])
        for (const _ of heirs.inherit(lists, moved));
        for (const name of ['a', 'b', '__proto__', 'c']) {
          const positions = (all: readonly string[]): number[] => all.flatMap((one, n) => (one === name ? [n] : []))
          assert.deepEqual(
            [...lists.all(name)].sort((a, b) => a - b),
            positions(names),
          )
          assert.deepEqual(
            [...heirs.all(name)].sort((a, b) => a - b),
            positions(later),
          )
        }
      },
    ),
    runs,
  )
})

test('sections: an account at each position, with its place', () => {
  const piece = fc.oneof(fc.array(fc.nat({ max: 99 }), { minLength: 1, maxLength: 4 }), fc.nat({ max: 99 }))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      const sections = createSections()
      const expected: [address: string, place: string][] = []
      for (const [n, given] of pieces.entries()) {
        const numbers = typeof given === 'number' ? [given] : given
        if (typeof given === 'number') {
          const one: Account = account({ address: `u${given}@one.org` })
          const section = sections.append('t', { account: one, line: n })
          section.held.set(section.size - 1, one)
        } else sections.addBlock('f', createBlock(text(given.map(u => `{"address":"u${u}@one.org"}`))), 10 * n)
        for (const [index, u] of numbers.entries())
          expected.push([`u${u}@one.org`, typeof given === 'number' ? `t:${n}` : `f:${10 * n + index}`])
      }
      assert.equal(sections.size(), expected.length)
      for (const [position, [address, place]] of expected.entries()) {
        const found = sections.at(position)
        assert.equal(found?.address, address)
        assert.equal(sections.at(position), found)
        assert.equal(sections.placeOf(position), place)
      }
      assert.equal(sections.at(expected.length), undefined)
      assert.deepEqual(
        [...sections.accounts()].map(({ address }) => address),
        expected.map(([address]) => address),
      )
    }),
    runs,
  )
})
