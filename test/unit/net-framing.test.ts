import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blocks, lines, netstrings } from '../../src/net/framing.ts'
import { FrameError } from '../../src/net/session.ts'

const fails = (push: () => unknown, message: RegExp) =>
  assert.throws(push, error => error instanceof FrameError && message.test(error.message))

describe('lines', () => {
  it('end with LF, or CR LF', () => {
    assert.deepEqual(lines({ maxBytes: 9 }).push(Buffer.from('a\nb\r\n\nc\r\r\nd')), ['a', 'b', '', 'c\r'])
  })
  it('may be cut between CR and LF, and within a character', () => {
    const framer = lines({ maxBytes: 9 })
    const [first, second] = [Buffer.from('jür\r\n').subarray(0, 2), Buffer.from('jür\r\n').subarray(2)]
    assert.deepEqual(framer.push(first), [])
    assert.equal(framer.buffered(), 2)
    assert.deepEqual(framer.push(second), ['jür'])
    assert.equal(framer.buffered(), 0)
  })
  it('have a limit in bytes, the end not counted', () => {
    assert.deepEqual(lines({ maxBytes: 4 }).push(Buffer.from('üü\r\nabcd\n')), ['üü', 'abcd'])
    fails(() => lines({ maxBytes: 4 }).push(Buffer.from('ok\nüüx\nok\n')), /line longer than 4/)
    fails(() => lines({ maxBytes: 4 }).push(Buffer.from('ok\nabcdef')), /longer/)
  })
  it('that are too long are noticed before their end', () => {
    const framer = lines({ maxBytes: 4 })
    framer.push(Buffer.from('abc'))
    fails(() => framer.push(Buffer.from('def')), /longer/)
  })
  it('with bytes that are not UTF-8 are not lost', () => {
    assert.deepEqual(lines({ maxBytes: 4 }).push(Buffer.from('a\xffb\n', 'latin1')), ['a\ufffdb'])
  })
  it('of 64 KiB that come byte by byte are searched once and copied a few times', () => {
    const framer = lines({ maxBytes: 65_536 })
    const byte = Buffer.from('x')
    for (let count = 0; count < 65_536; count++) framer.push(byte)
    assert.deepEqual(framer.push(Buffer.from('\n')), ['x'.repeat(65_536)])
  })
})

describe('blocks', () => {
  it('end with an empty line', () => {
    const framer = blocks({ maxBytes: 99 })
    assert.deepEqual(framer.push(Buffer.from('a=1\nb=2\n\nc=3\n')), [['a=1', 'b=2']])
    assert.equal(framer.buffered(), 4)
    assert.deepEqual(framer.push(Buffer.from('\n\n')), [['c=3'], []])
    assert.equal(framer.buffered(), 0)
  })
  it('have a limit for all their lines together', () => {
    assert.deepEqual(blocks({ maxBytes: 8 }).push(Buffer.from('a=1\nb=2\n\na=1\nb=2\n\n')).length, 2)
    fails(() => blocks({ maxBytes: 8 }).push(Buffer.from('a=1\nb=2\nc\n')), /block longer than 8/)
  })
})

describe('netstrings', () => {
  const read = (text: string) => netstrings({ maxBytes: 99 }).push(Buffer.from(text))
  it('have a length in bytes', () => {
    assert.deepEqual(read('5:jür,,0:,3:a:b,'), ['jür,', '', 'a:b'])
  })
  it('are strict', () => {
    fails(() => read('05:'), /begins with a zero/)
    fails(() => read('00:'), /begins with a zero/)
    fails(() => read(':,'), /does not begin with a length/)
    fails(() => read('-1:'), /does not begin with a length/)
    fails(() => read('+1:'), /does not begin with a length/)
    fails(() => read(' 1:'), /does not begin with a length/)
    fails(() => read('1;'), /does not begin with a length/)
    fails(() => read('1:ab'), /does not end with a comma/)
    fails(() => read('1:a\n'), /does not end with a comma/)
    fails(() => read('GET / HTTP/1.1'), /does not begin with a length/)
  })
  it('are refused while their length is read', () => {
    const framer = netstrings({ maxBytes: 99 })
    framer.push(Buffer.from('9'))
    framer.push(Buffer.from('9'))
    fails(() => framer.push(Buffer.from('9')), /longer than 99/)
  })
  it('wait for their comma', () => {
    const framer = netstrings({ maxBytes: 99 })
    assert.deepEqual(framer.push(Buffer.from('3:abc')), [])
    assert.deepEqual(framer.push(Buffer.from(',')), ['abc'])
  })
})
