/** Problems: one line for `grep` and editors, from which every part can be read again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatProblem } from '../../src/config/problem.ts'

const parts = {
  severity: fc.constantFrom('error', 'warning'),
  file: fc.stringMatching(/^\/[\w ./-]{1,20}$/),
  line: fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: undefined }),
  path: fc.option(fc.stringMatching(/^[a-z"-]{1,9}(\.[a-z-]{1,9}){0,2}$/), { nil: undefined }),
  message: fc.stringMatching(/^expected [ -~]{0,30}$/),
}
const problem = fc.record(parts, { noNullPrototype: true })

test('FILE:LINE: SEVERITY: PATH: MESSAGE, read as a compiler is', () => {
  fc.assert(
    fc.property(problem, given => {
      const form =
        /^(?<file>[^:]+)(?::(?<line>\d+))?: (?<severity>error|warning): (?:(?<path>[^: ]+): )?(?<message>.*)$/
      const { file, line, severity, path, message } = form.exec(formatProblem(given))?.groups ?? {}
      assert.deepEqual({ severity, file, line: line && Number(line), path, message }, given)
    }),
  )
})

test('whatever is in the parts: all of them are there, in order, and no line end is added', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(problem, text, text, text, (given, file, path, message) => {
      const shown = formatProblem({ ...given, file, path, message })
      const lines = (text: string): number => text.split(/[\r\n]/).length
      assert.ok(shown.startsWith(file) && shown.endsWith(`: ${given.severity}: ${path}: ${message}`))
      assert.equal(lines(shown), lines([file, path, message].join(' ')))
    }),
  )
})
