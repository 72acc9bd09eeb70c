/** Imports all tests of a folder, so that they run one after the other in this process. */
import { readdirSync } from 'node:fs'

export async function importTests(folder: URL): Promise<void> {
  for (const name of readdirSync(folder).sort()) if (name.endsWith('.test.ts')) await import(new URL(name, folder).href)
}
