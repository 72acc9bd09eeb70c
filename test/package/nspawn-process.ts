/** Waiting for what takes longer than in other tests: a whole Debian is installed, and boots. */

/** As `eventually`, with a time of its own. */
export async function within(ms: number, what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + ms
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
