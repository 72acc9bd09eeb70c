/** Values: what is written is read back, junk is never read as something, and nothing that is shown can harm a terminal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  describe,
  formatPath,
  formatSize,
  parseDuration,
  parseMode,
  parseSize,
  placeholders,
  quote,
  urlComplaint,
} from '../../src/config/values.ts'
import { parseToml } from '../../src/toml.ts'

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, property), { numRuns: 300 })

test('a duration is its count in its unit', () => {
  const units = fc.constantFrom(['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000], ['d', 86_400_000] as const)
  check(fc.tuple(fc.nat({ max: 10_000_000 }), units), ([count, [unit, factor]]) =>
    assert.equal(parseDuration(`${count}${unit}`), count * Number(factor)),
  )
})

test('a size is its count in its unit, in either case', () => {
  const prefix = fc.constantFrom('', 'K', 'M', 'G')
  check(fc.tuple(fc.nat({ max: 1000 }), prefix, fc.boolean(), fc.boolean()), ([count, letter, binary, lower]) => {
    const written = `${count}${letter}${binary && letter !== '' ? 'i' : ''}B`
    const bytes = count * (binary ? 1024 : 1000) ** ' KMG'.indexOf(letter || ' ')
    assert.equal(parseSize(lower ? written.toLowerCase() : written), bytes)
  })
})

test('permissions are read as chmod reads them', () => {
  check(fc.nat({ max: 0o777 }), mode => {
    const written = mode.toString(8).padStart(3, '0')
    assert.equal(parseMode(written), mode)
    assert.equal(parseMode(`0${written}`), mode)
  })
})

test('junk is a whole number that is not negative, or nothing', () => {
  const junk = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[-+]?[0-9.e ]{0,20}(ms|[smhdKMGTiB]{0,4})$/))
  check(junk, text => {
    for (const parse of [parseDuration, parseSize, parseMode]) {
      const value = parse(text)
      assert.ok(value === undefined || (Number.isSafeInteger(value) && value >= 0), `${text} is ${value}`)
      if (value !== undefined) assert.match(text, /^[0-9]+[a-z]*$/i)
    }
  })
})

test('a URL that is not complained of has https or stays on this machine, and holds no password and no fragment', () => {
  const url = fc
    .record({
      scheme: fc.constantFrom('https://', 'http://', 'HTTP://', 'http:/', 'ftp://', 'javascript:', ''),
      user: fc.constantFrom('', 'me@', 'me:hunter2@', ':@', '@'),
      host: fc.oneof(
        fc.constantFrom(
          'localhost',
          '127.0.0.1',
          '127.1',
          '[::1]',
          '0x7f.1',
          'localhost.example.org',
          '127.0.0.1.example',
        ),
        fc.domain(),
        fc.string({ maxLength: 8 }),
      ),
      rest: fc.constantFrom('', '/', '/path', '?query', '/#fragment', '#', '\\', '\t', ' '),
    })
    .map(({ scheme, user, host, rest }) => scheme + user + host + rest)
  check(fc.oneof(url, fc.string({ unit: 'binary' })), text => {
    if (urlComplaint(text, { allowHttp: false, issuer: true }) !== undefined) return
    const { protocol, hostname, username, password, hash, search } = new URL(text)
    assert.ok(protocol === 'https:' || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname), text)
    assert.equal(username + password + hash + search, '')
  })
})

test('plain URLs are not complained of', () => {
  check(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }), text =>
    assert.equal(urlComplaint(text, { allowHttp: false, issuer: false }), undefined),
  )
})

test('a complaint never repeats the URL', () => {
  check(fc.string({ minLength: 12, unit: 'grapheme' }), password => {
    const complaint = urlComplaint(`https://me:${password}@example.org`, { allowHttp: true, issuer: false })
    assert.equal(complaint?.includes(password) ?? false, false)
  })
})

test('placeholders are found where they were put', () => {
  const literal = fc.stringMatching(/^[a-z/%]{0,5}$/)
  check(fc.array(fc.tuple(literal, fc.stringMatching(/^[a-z]{0,8}$/))), parts => {
    const template = parts.map(([before, name]) => `${before}{${name}}`).join('')
    assert.deepEqual(
      placeholders(template),
      parts.map(([, name]) => name),
    )
  })
})

test('what is quoted prints on one line, and is cut', () => {
  check(fc.string({ unit: 'binary', maxLength: 600, size: 'max' }), text => {
    const shown = quote(text)
    assert.doesNotMatch(shown, /[\p{C}\p{Zl}\p{Zp}]/u)
    assert.ok(shown.startsWith('"') && shown.endsWith('"'))
    assert.ok(shown.length <= 258 + 256 * 9)
  })
})

test('a printable key path is written as TOML would have it', () => {
  check(fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 5 }), path => {
    const written = parseToml(`${formatPath(path)} = "here"`)
    assert.ok(written.ok)
    let value: unknown = written.value
    for (const key of path) {
      assert.ok(typeof value === 'object' && value !== null)
      assert.deepEqual(Object.keys(value), [key])
      value = Object.values(value)[0]
    }
    assert.equal(value, 'here')
  })
})

test('anything can be described', () => {
  check(fc.anything({ withDate: true }), value => assert.doesNotMatch(describe(value), /[\p{C}\p{Zl}\p{Zp}]/u))
})

test('a size is shown in the largest unit that fits, and is read as the same number of bytes', () => {
  const bytes = fc.oneof(
    fc.nat(Number.MAX_SAFE_INTEGER),
    fc.tuple(fc.nat(5000), fc.constantFrom(1000, 1024), fc.nat(3)).map(([count, base, power]) => count * base ** power),
  )
  check(bytes, size => {
    const shown = formatSize(size)
    assert.equal(typeof shown === 'number' ? shown : parseSize(shown), size)
  })
  assert.deepEqual([5 * 1024 ** 3, 500_000_000, 1536, 12345, 0].map(formatSize), ['5GiB', '500MB', 1536, 12345, 0])
})
