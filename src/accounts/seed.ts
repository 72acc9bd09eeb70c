/** Seed: a secret of this process, under which names are hashed (`name-table.ts`). */
import { randomBytes } from 'node:crypto'
import type { Seed } from './name-table.ts'

export const seed: Seed = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()]
