/**
 * Output: sees to it that what a command has said is heard before the process ends, as far as there is a listener.
 *
 * To a pipe Node writes in the background, and process.exit() throws away what is still on its way: a backup of a million
 * accounts would end after 64 KiB, with exit code 0.
 */

export type Output = {
  /**
   * Resolves when all is written. With why it couldn't be, as `ENOSPC`; undefined also where the reader has had enough
   * (EPIPE), as `head` has.
   */
  end(): Promise<string | undefined>
}

type Stream = Pick<NodeJS.WriteStream, 'on' | 'write'>

export function watchOutput(streams: readonly Stream[] = [process.stdout, process.stderr]): Output {
  let lost: string | undefined
  const note = ({ code = 'unknown error' }: NodeJS.ErrnoException): void => {
    if (code !== 'EPIPE') lost ??= code
  }
  for (const stream of streams) stream.on('error', note)
  return {
    async end() {
      await Promise.all(streams.map(stream => new Promise<void>(resolve => stream.write('', () => resolve()))))
      return lost
    },
  }
}
