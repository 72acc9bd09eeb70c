/** Framing: the cuts of the stream make no difference, and limits hold to the byte. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { blocks, lines, netstrings } from '../../src/net/framing.ts'
import { FrameError, type Framer } from '../../src/net/session.ts'

const maxBytes = 40

/** A stream and where it is cut. */
const cut = (stream: fc.Arbitrary<string | Buffer>) =>
  fc.tuple(stream, fc.array(fc.nat({ max: 12 }), { maxLength: 40 })).map(([text, sizes]) => {
    const bytes = Buffer.from(text)
    const chunks: Buffer[] = []
    let at = 0
    for (const size of sizes) {
      chunks.push(bytes.subarray(at, at + size))
      at += size
    }
    chunks.push(bytes.subarray(at))
    return { bytes, chunks }
  })

/** All frames up to the first fault, and the fault. */
function read<Frame>(framer: Framer<Frame>, chunks: readonly Buffer[]): { frames: Frame[]; error: unknown } {
  const frames: Frame[] = []
  try {
    for (const chunk of chunks) frames.push(...framer.push(chunk))
    return { frames, error: undefined }
  } catch (error) {
    return { frames, error }
  }
}

const byteByByte = (bytes: Buffer) => [...bytes].map(byte => Buffer.of(byte))

const word = fc.string({ unit: 'grapheme', maxLength: 12 }).map(text => text.replace(/[\r\n]/g, ''))
const line = word.filter(text => Buffer.byteLength(text) <= maxBytes)
const block = fc.array(
  word.filter(text => text !== ''),
  { maxLength: 2 },
)

const kinds = {
  lines: {
    open: () => lines({ maxBytes }),
    frame: line,
    encode: (frame: string | string[]) => `${frame}\n`,
    junk: ['\n', '\r\n', 'a', 'ü', 'x'.repeat(15)],
  },
  blocks: {
    open: () => blocks({ maxBytes: 80 }),
    frame: block,
    encode: (frame: string | string[]) => `${[frame].flat().join('\n')}${frame.length > 0 ? '\n' : ''}\n`,
    junk: ['\n', '\n\n', '\r\n', 'name=value', 'x'.repeat(15)],
  },
  netstrings: {
    open: () => netstrings({ maxBytes }),
    frame: line,
    encode: (frame: string | string[]) => `${Buffer.byteLength(String(frame))}:${frame},`,
    junk: ['0', '1', '40', '41', ':', ',', 'a', '3:abc,', '0:,', '-', ' '],
  },
} as const

for (const [name, { open, frame, encode, junk }] of Object.entries(kinds))
  describe(name, () => {
    it('come out as they went in, however the bytes are cut', () => {
      const stream = fc.array(frame as fc.Arbitrary<string | string[]>, { maxLength: 8 })
      fc.assert(
        fc.property(
          stream.chain(frames => cut(fc.constant(frames.map(encode).join(''))).map(cuts => ({ frames, ...cuts }))),
          ({ frames, chunks, bytes }) => {
            assert.deepEqual(read<string | string[]>(open(), chunks), { frames, error: undefined })
            assert.deepEqual(read<string | string[]>(open(), byteByByte(bytes)), { frames, error: undefined })
          },
        ),
      )
    })

    it('say whether a frame is incomplete', () => {
      fc.assert(
        fc.property(frame as fc.Arbitrary<string | string[]>, fc.nat(), (text, at) => {
          const bytes = Buffer.from(encode(text))
          const framer: Framer<unknown> = open()
          const begun = bytes.subarray(0, at % bytes.length)
          framer.push(begun)
          assert.equal(framer.buffered() > 0, begun.length > 0)
          framer.push(bytes.subarray(begun.length))
          assert.equal(framer.buffered(), 0)
        }),
      )
    })

    it('throw nothing but FrameError on junk, and give no more frames than byte by byte', () => {
      const piece = fc.oneof(
        fc.constantFrom<string>(...junk).map(text => Buffer.from(text)),
        fc.uint8Array({ maxLength: 4 }).map(bytes => Buffer.from(bytes)),
      )
      const stream = fc.array(piece, { maxLength: 20 }).map(pieces => Buffer.concat(pieces))
      fc.assert(
        fc.property(cut(stream), ({ bytes, chunks }) => {
          const inChunks = read<unknown>(open(), chunks)
          const inBytes = read<unknown>(open(), byteByByte(bytes))
          assert.equal(inChunks.error === undefined, inBytes.error === undefined)
          assert.ok(inChunks.error === undefined || inChunks.error instanceof FrameError)
          // Frames of the chunk with the fault are lost with the connection.
          assert.deepEqual(inChunks.frames, inBytes.frames.slice(0, inChunks.frames.length))
          if (inChunks.error === undefined) assert.equal(inChunks.frames.length, inBytes.frames.length)
        }),
        { numRuns: 300 },
      )
    })
  })
