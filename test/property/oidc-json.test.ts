/** Strict JSON: what JSON.parse reads, unless it could be read in two ways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseObject } from '../../src/oidc/json.ts'

const parse = (text: string) => parseObject(Buffer.from(text))

/** Names that are written in several ways, or mean something to JavaScript or to a scanner. */
const name = fc.oneof(
  fc.constantFrom(
    'sub',
    'aud',
    '__proto__',
    'constructor',
    '',
    '"',
    '\\',
    '\\"',
    '{',
    '}:',
    '[",":',
    'ä',
    '\u2028',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const { value: jsonValue } = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(name, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
}))
const object = fc.dictionary(name, jsonValue, { maxKeys: 4 })

test('every object is read as JSON.parse reads it, however it is spaced', () => {
  fc.assert(
    fc.property(object, fc.constantFrom('', ' ', '\t', '\n\n'), (value, space) => {
      const text = `${space}${JSON.stringify(value, null, space)}${space}`
      assert.deepEqual(parse(text), JSON.parse(text))
    }),
  )
})

/** As JSON text, but an object as the list of its members, so that a name can come again. */
type Node = string | Node[] | { readonly members: readonly (readonly [string, Node])[] }
const { node } = fc.letrec<{ node: Node }>(tie => ({
  node: fc.oneof(
    { depthSize: 'small' },
    name.map(text => JSON.stringify(text)),
    fc.constantFrom('1', 'null', 'true', '-0.5e3'),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.record({
      members: fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__', '"', 'é'), tie('node')), { maxLength: 3 }),
    }),
  ),
}))

/** Every other name with all of its characters escaped. */
function write(node: Node, at = 0): string {
  if (typeof node === 'string') return node
  if (Array.isArray(node)) return `[${node.map(write).join()}]`
  const spell = (text: string, index: number): string =>
    (index + at) % 2 === 0
      ? JSON.stringify(text)
      : `"${[...text].map(char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
  return `{${node.members.map(([name, value], index) => `${spell(name, index)} :${write(value, index)}`).join()}}`
}

function hasTwins(node: Node): boolean {
  if (typeof node === 'string') return false
  if (Array.isArray(node)) return node.some(hasTwins)
  const names = node.members.map(([name]) => name)
  return new Set(names).size < names.length || node.members.some(([, value]) => hasTwins(value))
}

test('a name that is twice in an object is found at any depth and in any spelling, and nothing else is taken for one', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), node), { maxLength: 3 }), members => {
      const root: Node = { members }
      const text = write(root)
      if (hasTwins(root)) assert.equal(parse(text), 'a name is there twice')
      else assert.deepEqual(parse(text), JSON.parse(text))
    }),
    { numRuns: 1000 },
  )
})

test('whatever the bytes, there is an object or a word about it', () => {
  const words = /^(not UTF-8|not JSON|not an object|nested more than 32 levels deep|a name is there twice)$/
  const shard = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ':',
    ',',
    '\\',
    '\\u0061',
    'a',
    '1',
    ' ',
    '\n',
    '\ufeff',
    '\u0000',
  )
  const bytes = fc.oneof(
    fc.uint8Array().map(given => Buffer.from(given)),
    fc.array(shard, { maxLength: 30 }).map(shards => Buffer.from(shards.join(''))),
  )
  fc.assert(
    fc.property(bytes, given => {
      const found = parseObject(given)
      if (typeof found === 'string') assert.match(found, words)
      else assert.deepEqual(found, JSON.parse(given.toString()))
    }),
    { numRuns: 1000 },
  )
})

test('32 levels are read, of objects and arrays together', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), kinds => {
      const text = `{"a":${kinds.reduceRight((inner, isArray) => (isArray ? `[${inner}]` : `{"a":${inner}}`), '0')}}`
      if (kinds.length < 32) assert.deepEqual(parse(text), JSON.parse(text))
      else assert.equal(parse(text), 'nested more than 32 levels deep')
    }),
  )
})

test('a long text is read in no time', () => {
  // In quadratic time, these would take minutes.
  for (const text of ['"', '\\', '\\"', '{"', '"a":', '[', ' ']) parse(text.repeat(200_000))
  for (const text of ['\\"', '\\\\', ' ', '['])
    assert.notEqual(parse(JSON.stringify({ a: text.repeat(200_000) })), 'not JSON')
  assert.equal(typeof parse(`{"a":1${' '.repeat(500_000)}}`), 'object')
})
