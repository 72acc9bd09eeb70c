/**
 * The checkout that is packaged.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

export function readRoot(name: string): string {
  return readFileSync(join(root, name), 'utf8')
}
