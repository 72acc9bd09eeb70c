/** Others who write a file that is watched: all the time, or slowly. */
import { open, rename, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** Longer than a file is read, and than a tick of the file system's clock. */
const paceMs = 30

/** Puts whole files into its place, one after the other, until the test is done with it. */
export async function whileReplaced<Result>(
  path: string,
  text: () => string,
  work: () => Promise<Result>,
): Promise<Result> {
  let done = false
  const writing = (async () => {
    while (!done) {
      await writeFile(`${path}.aside`, text(), { mode: 0o600 })
      await rename(`${path}.aside`, path)
      await pause(paceMs)
    }
  })()
  try {
    return await work()
  } finally {
    done = true
    await writing
  }
}

/** Writes it anew in place, line by line, until the test has seen enough, and then one last line. Resolves with how many. */
export async function writeSlowly(
  path: string,
  line: (n: number) => string,
  enough: Promise<unknown>,
): Promise<number> {
  let done = false
  const stop = enough.finally(() => {
    done = true
  })
  const file = await open(path, 'w', 0o600)
  try {
    let n = 0
    while (!done) await file.write(line(n++))
    await file.write(line(n++))
    await stop
    return n
  } finally {
    await file.close()
  }
}
