/** Nothing that the daemon loads late may be left out of preload.ts: an upgrade may have put another version there. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

/** Commands end soon, and a thread reads its files anew. */
const exempt = (path: string) => /^(?:cli\/|passwords\/hash-worker\.ts$)/.test(path)

test('modules that are loaded late are loaded soon after the start', () => {
  const late = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !exempt(path))
    .flatMap(path => readFileSync(join('src', path), 'utf8').match(/.*[^f] import\(.*/g) ?? [])
  const loaders = late.map(line => /^export const (\w+) = \(\) => import\(/.exec(line)?.[1] ?? line)
  const preload = readFileSync('src/cli/preload.ts', 'utf8')
  const preloaded = [...preload.matchAll(/(load\w+)\(\)[,\]]/g)].map(([, name]) => name)
  assert.ok(loaders.length > 2)
  assert.deepEqual(preloaded.sort(), loaders.sort())
})
