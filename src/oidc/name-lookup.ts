/**
 * Name lookup: from the names of providers' hosts to addresses, one question at a time for each name.
 *
 * getaddrinfo(3) holds a thread until DNS has answered or been given up, long after a request has run out of time; libuv
 * has two for it. If every connection asked for itself, those to one provider whose DNS is dead would take both, and
 * nobody else could be connected to. Therefore one for the whole process.
 */
import dns from 'node:dns'
import type { LookupFunction } from 'node:net'

type Callback = Parameters<LookupFunction>[2]

/** Who waits for the answer to a question. */
const underWay = new Map<string, Callback[]>()

/** For `net.connect`, in the place of `dns.lookup`. */
export const lookupName: LookupFunction = (host, options, callback) => {
  const question = JSON.stringify([host, options])
  const waiting = underWay.get(question)
  if (waiting !== undefined) {
    waiting.push(callback)
    return
  }
  const callbacks = [callback]
  dns.lookup(host, options, (...answer) => {
    underWay.delete(question)
    for (const tell of callbacks) tell(...answer)
  })
  underWay.set(question, callbacks)
}
