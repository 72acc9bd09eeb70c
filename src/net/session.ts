/**
 * Session: one side of one connection, as a protocol sees it. Types only, and the errors.
 *
 * `connection.ts` moves bytes, keeps limits and deadlines; a protocol is handed whole frames and answers text. Protocols
 * hold no sockets, connections know no protocols.
 */

/** Cuts a byte stream into frames. Throws FrameError when a limit is passed; never anything else. */
export type Framer<Frame> = {
  /** The frames that are complete with this chunk. The chunk may be cut anywhere. */
  push(chunk: Buffer): Frame[]
  /** Bytes of an incomplete frame held back. */
  buffered(): number
}

export type Wire = {
  /** Queues a reply. All that is queued in one turn of the event loop goes out in one write. */
  send(text: string): void
  /**
   * Ends the connection at once, what is queued unsent. Never a half-close: smtpd before 3.7.15 fails every later login
   * of its process after one (Postfix xsasl_dovecot_server.c). `why` is logged.
   */
  destroy(why: string): void
  /** A request is being worked on whose reply comes later. At the limit the connection stops reading. */
  begin(): void
  end(): void
  /**
   * Resolves when the peer has taken all that was sent, or is gone. What comes in many parts (LIST of a million users)
   * waits for it between them.
   */
  drained(): Promise<void>
}

/**
 * How the end of a listener proceeds (drain.ts). `begin`: nothing is held back any more. `late`: what is asked from now on
 * gets the protocol's temporary failure, and so does what the peer has yet to say something to. `end`: so does the rest.
 */
export type DrainPhase = 'begin' | 'late' | 'end'

export type Session<Frame> = {
  /** One frame. May throw ProtocolError: the connection is then logged and destroyed. */
  receive(frame: Frame): void
  /** The connection is gone; nothing can be sent any more. `drained`: because the listener ends. */
  closed(drained?: boolean): void
  /** Only of protocols in which a request may take its time. */
  drain?(phase: DrainPhase): void
  /** Whether the peer is yet to say something to a request that has begun. */
  awaitsPeer?(): boolean
}

/** A protocol: how its bytes are framed, and what happens on a new connection (a greeting, if it has one). */
export type Dialect<Frame> = {
  framer(): Framer<Frame>
  open(wire: Wire): Session<Frame>
}

/** The peer broke its protocol. `message` names how, without what it sent: there may be a token in it. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError'
}

/** A frame is too long or cut wrong. */
export class FrameError extends ProtocolError {
  override readonly name = 'FrameError'
}
