/** What `bearerd doctor` computes and parses: the room for tokens, and the output of postconf and doveconf. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readAssignments, readBlocks, readServices } from '../../src/doctor/settings.ts'
import { tokenRoom } from '../../src/doctor/token-room.ts'

/** The command as a client sends it, with host and port (RFC 7628 section 3.1). */
const command = (name: string, token: string): string => {
  const message = `n,a=${name},\x01auth=Bearer ${token}\x01\x01`
  return `AUTH OAUTHBEARER ${Buffer.from(message).toString('base64')}`
}

test('a token that is said to fit does, with a name of up to 64 bytes, and one half as long again does not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 512, max: 65_536 }), fc.nat({ max: 64 }), (limit, length) => {
      const room = tokenRoom(limit, 'AUTH OAUTHBEARER '.length)
      assert.ok(command('a'.repeat(length), 'x'.repeat(room)).length <= limit)
      assert.ok(command('a'.repeat(length), 'x'.repeat(room + 200)).length > limit)
    }),
  )
})

test('no limit is so small that the room is less than nothing', () => {
  fc.assert(fc.property(fc.nat({ max: 120 }), limit => tokenRoom(limit, 17) === 0))
})

const name = fc.stringMatching(/^[a-z][a-z_]{0,20}$/)
const value = fc
  .stringMatching(/^[!-<>-~][ -<>-~]{0,40}$/)
  .map(text => text.trim())
  .filter(text => !/[{}]$/.test(text))

test('what postconf prints is read back', () => {
  fc.assert(
    fc.property(fc.dictionary(name, value), settings => {
      const text = Object.entries(settings).map(([key, text]) => `${key} = ${text}\n`)
      assert.deepEqual(readAssignments(text.join('')), new Map(Object.entries(settings)))
    }),
  )
})

test('what doveconf prints is read back, each block a part of the path', () => {
  fc.assert(
    fc.property(fc.dictionary(name, fc.dictionary(name, value)), blocks => {
      const text = Object.entries(blocks).map(
        ([block, settings]) =>
          `service ${block} {\n${Object.entries(settings)
            .map(([key, text]) => `  ${key} = ${text}\n`)
            .join('')}}\n`,
      )
      const expected = Object.entries(blocks).flatMap(([block, settings]) =>
        Object.entries(settings).map(([key, text]) => [`service/${block}/${key}`, text] as const),
      )
      assert.deepEqual(readBlocks(text.join('')), new Map(expected))
    }),
  )
})

test('no text makes the readers throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      readAssignments(text)
      readBlocks(text)
      readServices(text)
    }),
  )
})

test('a line of master.cf', () => {
  assert.deepEqual(readServices('submission inet  n       -       y       -       -       smtpd -o a=b\n# nothing\n'), [
    { name: 'submission/inet', chroot: 'y', program: 'smtpd' },
  ])
})
