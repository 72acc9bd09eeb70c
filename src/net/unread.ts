/**
 * Unread: what a peer has written since the event loop last looked at its socket. For the moment before hanging up: what is
 * found then can still be answered, and what isn't there then can only have been written in the microseconds until close(2).
 *
 * Node has no such read. The descriptor is libuv's (`_handle.fd`, undocumented, there on every Unix): a read(2) beside its
 * own in the same thread takes what it would have taken in its next turn. Where there is no descriptor, nothing is found.
 */
import { Buffer } from 'node:buffer'
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

const scratch = Buffer.allocUnsafe(65_536)

/** Undefined: nothing is there, or the peer has hung up. */
export function takeUnread(socket: Socket): Buffer | undefined {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null }
  if (handle?.fd === undefined || handle.fd < 0) return undefined
  try {
    const length = readSync(handle.fd, scratch)
    return length === 0 ? undefined : Buffer.from(scratch.subarray(0, length))
  } catch {
    // EAGAIN; or ECONNRESET and the like, of which the event loop will tell.
    return undefined
  }
}
