/** Imports all tests of a folder, or some by their names, so that they run one after the other in this process. */
import { readdirSync } from 'node:fs'

export async function importTests(folder: URL, isWanted = (_: string): boolean => true): Promise<void> {
  for (const name of readdirSync(folder).sort())
    if (name.endsWith('.test.ts') && isWanted(name)) await import(new URL(name, folder).href)
}
