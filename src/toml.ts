/**
 * TOML: text to plain values, and key paths to line numbers. The only importer of smol-toml and toml-eslint-parser. PURE.
 *
 * smol-toml gives values (null-prototype objects, integers only where lossless) but no positions; toml-eslint-parser gives
 * positions and costs more, so it is loaded only when there is a problem to report.
 * Syntax errors are told without the line they are in: a configuration file holds secrets.
 */
import { parse, TomlError } from 'smol-toml'
import type { AST } from 'toml-eslint-parser'

export type TomlResult =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly message: string }

export type KeyPath = readonly (string | number)[]

/** The line of a key, counted from 1; of the nearest parent for a key that isn't there; undefined if nothing fits. */
export type TomlLocator = (path: KeyPath) => number | undefined

/** Inline tables and arrays within each other. */
const maxDepth = 32

export function parseToml(text: string): TomlResult {
  try {
    return { ok: true, value: parse(text, { maxDepth }) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The first line is one of the library's fixed sentences; the frame after it quotes the file.
    const [sentence = ''] = error.message.split('\n', 1)
    const message = sentence.replace(/^Invalid TOML document: /, '')
    return { ok: false, line: error.line, column: error.column, message }
  }
}

/** Needed by the first problem that has a place, and loaded with it, or before. */
export const loadTomlLocator = () => import('toml-eslint-parser')

export async function locateToml(text: string): Promise<TomlLocator> {
  const { parseTOML } = await loadTomlLocator()
  const lines = new Map<string, number>()
  try {
    const [top] = parseTOML(text, { tomlVersion: '1.1' }).body
    for (const node of top.body) {
      if (node.type === 'TOMLKeyValue') recordKeyValue(lines, [], node)
      else recordTable(lines, node)
    }
  } catch {
    // The parsers disagree about this text: better a problem without a line than none.
  }
  return path => {
    for (let length = path.length; length > 0; length--) {
      const line = lines.get(keyOf(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return undefined
  }
}

/** A header `[a.b]` or `[[a]]`. Its resolved key has the indices of the arrays of tables in it: ["a", 0]. */
function recordTable(lines: Map<string, number>, table: AST.TOMLTable): void {
  record(lines, table.resolvedKey, table.loc.start.line)
  for (const child of table.body) recordKeyValue(lines, table.resolvedKey, child)
}

function recordKeyValue(lines: Map<string, number>, base: KeyPath, node: AST.TOMLKeyValue): void {
  const path = [...base, ...node.key.keys.map(key => (key.type === 'TOMLBare' ? key.name : key.value))]
  record(lines, path, node.loc.start.line)
  recordContent(lines, path, node.value)
}

function recordContent(lines: Map<string, number>, path: KeyPath, node: AST.TOMLContentNode): void {
  if (node.type === 'TOMLInlineTable') {
    for (const child of node.body) recordKeyValue(lines, path, child)
  } else if (node.type === 'TOMLArray') {
    for (const [index, element] of node.elements.entries()) {
      record(lines, [...path, index], element.loc.start.line)
      recordContent(lines, [...path, index], element)
    }
  }
}

/** The first mention counts, for a key's parents too: `[a.b]` is where "a" is, unless it came before. */
function record(lines: Map<string, number>, path: KeyPath, line: number): void {
  for (let length = path.length; length > 0; length--) {
    const key = keyOf(path.slice(0, length))
    if (lines.has(key)) return
    lines.set(key, line)
  }
}

function keyOf(path: KeyPath): string {
  return JSON.stringify(path)
}
