/** Presets beneath what the file says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { presets } from '../../src/config/presets.ts'
import { presetAuth, withPresets } from '../../src/config/with-preset.ts'

type Table = Readonly<Record<string, unknown>>

const names = Object.keys(presets) as (keyof typeof presets)[]
const key = fc.constantFrom(
  'endpoint',
  'auth',
  'require',
  'fields',
  'method',
  'url',
  'userinfo-url',
  'email',
  '__proto__',
)
const value = fc.oneof(fc.constantFrom('userinfo', 'https://idp.example.org/'), fc.jsonValue())
/** As smol-toml makes them: "__proto__" is a key like any other. */
const table = fc
  .array(
    fc.tuple(
      key,
      fc.oneof(
        value,
        fc.array(fc.tuple(key, value)).map(entries => Object.fromEntries(entries)),
      ),
    ),
  )
  .map(entries => Object.fromEntries(entries) as Table)

const filledIn = (directory: unknown): unknown => {
  const root = withPresets({ directory: { main: directory }, log: { level: 'info' } }) as { directory: Table }
  assert.deepEqual({ ...root, directory: undefined }, { directory: undefined, log: { level: 'info' } })
  return root.directory.main
}
const isTable = (value: unknown): value is Table => typeof value === 'object' && value !== null && !Array.isArray(value)
const at = (table: unknown, key: string): unknown =>
  isTable(table) && Object.hasOwn(table, key) ? table[key] : undefined

/** Whether all that is in `over` is in `merged`, tables within tables. */
function keeps(merged: unknown, over: unknown): boolean {
  if (!isTable(over) || !isTable(merged)) return JSON.stringify(merged) === JSON.stringify(over)
  return Object.keys(over).every(key => Object.hasOwn(merged, key) && keeps(merged[key], over[key]))
}

test('what the file says stays, and nothing but the preset is added', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), table, (preset, given) => {
      const merged = filledIn({ ...given, preset })
      assert.ok(keeps(merged, given))
      for (const [name, setting] of Object.entries(presets[preset])) {
        const written = at(given, name)
        if (!isTable(setting) || (written !== undefined && !isTable(written)))
          assert.deepEqual(at(merged, name), written === undefined ? setting : written, name)
        else
          for (const [key, value] of Object.entries(setting))
            if (at(written, key) === undefined && !(key.endsWith('-url') && at(written, 'url') !== undefined))
              assert.deepEqual(at(at(merged, name), key), value, `${name}.${key}`)
      }
      const known = new Set([...Object.keys(given), ...Object.keys(presets[preset]), 'preset'])
      for (const key of Object.keys(merged as Table)) assert.ok(known.has(key), key)
    }),
  )
})

test('an address in the preset gives way to endpoint.url', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), preset => {
      const endpoint = at(filledIn({ preset, endpoint: { url: 'https://idp.example.org/' } }), 'endpoint')
      assert.deepEqual(
        Object.keys(endpoint as Table).filter(key => key.endsWith('-url')),
        [],
      )
    }),
  )
})

test('without a preset that there is, everything stays as it is, however odd', () => {
  const odd = fc.oneof(
    fc.jsonValue(),
    table,
    fc.constantFrom('constructor', '__proto__', 'Keycloak').map(preset => ({ preset })),
  )
  fc.assert(
    fc.property(odd, given => {
      fc.pre(!names.some(name => name === at(given, 'preset')))
      assert.equal(filledIn(given), given)
      assert.deepEqual(presetAuth(String(at(given, 'preset'))), {})
    }),
  )
  fc.assert(fc.property(fc.jsonValue(), root => assert.deepEqual(withPresets(root), root)))
})

test('what is merged touches neither the presets nor the prototype of objects', () => {
  const before = structuredClone(presets)
  fc.assert(
    fc.property(fc.constantFrom(...names), table, (preset, given) => {
      filledIn({ ...given, preset })
      assert.deepEqual(presets, before)
      assert.deepEqual(Object.keys(Object.prototype), [])
    }),
  )
})
