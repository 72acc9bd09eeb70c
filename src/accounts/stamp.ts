/** Stamp: what a file is at one moment, to tell later whether it has changed. */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Changes with a file's content and with the file itself; the code of the error where it can't be looked at. */
export type Stamp = string

export function stampOf({ ino, size, mtimeMs }: Stats): Stamp {
  return `${ino} ${size} ${mtimeMs}`
}

export function stampsOf(files: readonly string[]): Promise<Stamp[]> {
  return Promise.all(files.map(file => stat(file).then(stampOf, codeOf)))
}

/** Whether any of the files was written to so lately that its writer may not have finished. */
export async function areFresh(files: readonly string[]): Promise<boolean> {
  const ages = await Promise.all(files.map(file => stat(file).then(({ mtimeMs }) => Date.now() - mtimeMs, oldAge)))
  return ages.some(ageMs => ageMs < freshMs)
}

const freshMs = 2_000
const oldAge = (): number => Number.POSITIVE_INFINITY

/** `ENOENT` and the like. What has no code is no system error but a fault of ours, and thrown on. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  throw error
}
