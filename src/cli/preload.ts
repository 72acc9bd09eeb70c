/**
 * Preload: the modules that the daemon would otherwise load when it first needs them. An upgrade replaces the files under
 * the running daemon, which is restarted some time later: until then it must not come upon modules of another version.
 *
 * Commands load what they need, when they need it: they start faster, and end soon. Not for the threads that check
 * imported hashes: each of them reads its files anew (`hash-worker.ts`).
 */
import { loadLocks } from '../accounts/lock.ts'
import { loadMetrics } from '../monitor/monitor.ts'
import { loadHashPool } from '../passwords/hash-pool.ts'
import { loadTomlLocator } from '../toml.ts'

export async function preload(): Promise<void> {
  await Promise.all([loadLocks(), loadHashPool(), loadMetrics(), loadTomlLocator()])
}
