/**
 * With preset: a directory as if what its `preset` stands for were written in it. PURE.
 *
 * Table by table; what the file says itself goes first. An address in the preset gives way to `endpoint.url`.
 */
import { presets } from './presets.ts'

type Table = Readonly<Record<string, unknown>>

/** What `parseToml` made of the file, every `[directory.NAME]` filled in. Anything odd stays as it is. */
export function withPresets(root: unknown): unknown {
  if (!isTable(root) || !isTable(root.directory)) return root
  const directories = Object.entries(root.directory).map(([name, table]) => [name, withPreset(table)])
  return { ...root, directory: Object.fromEntries(directories) }
}

/** What a preset brings along of `auth`: not to be called useless where the file's author didn't write it. */
export function presetAuth(preset: string | undefined): Readonly<Record<string, unknown>> {
  const auth = presetNamed(preset)?.auth
  return isTable(auth) ? auth : {}
}

function withPreset(table: unknown): unknown {
  if (!isTable(table)) return table
  const preset = presetNamed(table.preset)
  if (preset === undefined) return table
  const { endpoint } = table
  const merged = merge(preset, table)
  if (!isTable(endpoint) || endpoint.url === undefined || !isTable(merged.endpoint)) return merged
  return {
    ...merged,
    endpoint: Object.fromEntries(
      Object.entries(merged.endpoint).filter(([key]) => Object.hasOwn(endpoint, key) || !key.endsWith('-url')),
    ),
  }
}

function presetNamed(name: unknown): Table | undefined {
  return typeof name === 'string' && Object.hasOwn(presets, name) ? presets[name as keyof typeof presets] : undefined
}

function merge(under: Table, over: Table): Table {
  const merged = new Map(Object.entries(under))
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key)
    merged.set(key, isTable(below) && isTable(value) ? merge(below, value) : value)
  }
  return Object.fromEntries(merged)
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
