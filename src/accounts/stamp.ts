/**
 * Stamp: what a file is at one moment, to tell later whether it has changed.
 *
 * The time of the last change to the inode is in it: unlike the time of the last write, no tool that copies in place
 * (rsync -t, cp -p) can set it back. Two writes within one tick of the file system's clock look the same where they leave
 * the same size; who relies on a stamp reads the file only after the tick is over.
 */
import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Changes with a file's content and with the file itself; the code of the error where it can't be looked at. */
export type Stamp = string

export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Stamp {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
}

export function stampsOf(files: readonly string[]): Promise<Stamp[]> {
  return Promise.all(files.map(file => stat(file, { bigint: true }).then(stampOf, codeOf)))
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
