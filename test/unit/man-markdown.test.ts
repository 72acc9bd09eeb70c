/** Markdown to man(7): what roff would take for its own, and what Markdown has that man pages have not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { type FindTarget, readMarkdown, toRoff } from '../../packaging/man/markdown.ts'
import { code, definition, page } from '../../packaging/man/roff.ts'

const noTarget: FindTarget = () => undefined
const convert = (text: string, findTarget = noTarget): string[] => toRoff(readMarkdown(text), findTarget)

test('what roff would take for a request or an escape is text', () => {
  assert.deepEqual(convert(".toml isn't\n`EXAMPLE\\alice`, `a-b`, `~x^`"), [
    '.PP',
    "\\&.toml isn't \\%\\fBEXAMPLE\\ealice\\fR, \\%\\fBa\\-b\\fR, \\%\\fB\\(tix\\(ha\\fR",
  ])
  assert.deepEqual(code("'quoted'\n.dot", '').slice(3, 5), ['\\(aqquoted\\(aq', '\\&.dot'])
  assert.deepEqual(convert('Ü is…'), ['.PP', '\\[u00DC] is...\\&'])
})

test('each sentence begins a line, but for what only looks like its end', () => {
  assert.deepEqual(convert('One. Two (`uid`, …) three, `.` four?\nFive "six." Seven'), [
    '.PP',
    'One.',
    'Two (\\fBuid\\fR, ...) three, \\fB.\\fR four?'
      .replaceAll('(\\fBuid', '\\%(\\fBuid')
      .replace(' \\fB.', ' \\%\\fB.'),
    'Five "six."',
    'Seven',
  ])
})

test('lines are filled, and never begin with a dot', () => {
  for (const line of convert(`${'word '.repeat(14)}${'.x '.repeat(40)}`).slice(1)) {
    assert.ok(line.length <= 81, line)
    assert.doesNotMatch(line, /^\./)
  }
})

test('a table is a list of definitions; numbers of lists stay', () => {
  assert.deepEqual(
    convert(
      '| key | type | default | meaning |\n|---|---|---|---|\n| `a` | size | `1` | What. |\n| `b` | file | needed | |',
    ),
    ['.TP', '\\fBa\\fR', 'size; default: \\%\\fB1\\fR', '.br', 'What.', '.TP', '\\fBb\\fR', 'file; needed'],
  )
  assert.deepEqual(convert('| a | login | asks |\n|---|---|---|\n| x | y | z |'), [
    '.TP',
    'x',
    'Login: y',
    '.br',
    'Asks: z',
  ])
  assert.deepEqual(convert(' 1. one\n 2. two'), ['.IP 1. 4', 'one', '.IP 2. 4', 'two'])
  assert.deepEqual(convert(' - one\n    - two'), ['.IP \\(bu 4', 'one', '.RS 4', '.IP \\(bu 4', 'two', '.RE'])
})

test('links say where they lead, once', () => {
  const target: FindTarget = href => ({ text: href, isWhole: href === 'whole' })
  assert.deepEqual(convert('[a](b), ([c](d)) [e](whole)', target), ['.PP', 'a (b), (c: d) whole'])
  assert.deepEqual(convert('[a](b)'), ['.PP', 'a'])
})

test('long lines of code go on further in, where that does no harm', () => {
  const lines = (text: string, language: string): string[] => code(text, language).filter(line => /^[^.]/.test(line))
  const option = `--label "${'some text '.repeat(3)}"`
  assert.deepEqual(lines(`$ bearerd x ${option} ${option}`, 'console'), [
    '$ bearerd x \\-\\-label "some text some text some text " \\e',
    '    \\-\\-label "some text some text some text "',
  ])
  const toml = `x = "${'a, b '.repeat(20)}"`
  assert.deepEqual(lines(toml, 'toml'), [toml])
  assert.match(lines(`{"a": "${'b, '.repeat(18)}", "c": ["d", "e"]}`, 'jsonl')[1] ?? '', /^ {4}"c": \["d", "e"\]\}$/)
  assert.match(code(`{"a": "${'b, '.repeat(18)}", "c": 1}`, 'jsonl').join(' '), /further in/)
})

test('what has no form in a man page is a mistake', () => {
  assert.throws(() => convert('> quoted'), /no form for blockquote/)
  assert.throws(() => convert('![x](y.png)'), /no form for image/)
})

test('a paragraph needs no request after a heading', () => {
  assert.equal(page(['.SH A', '.PP', 'b', '.PP', 'c']), '.SH A\nb\n.PP\nc\n')
  assert.deepEqual(definition('.x', ['a', '', 'b']), ['.TP', '\\&.x', 'a', '.br', 'b'])
})
