/** docs/reference/configuration.md is checked against the program: its example loads, its tables have all the keys. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { listKeys } from '../../src/config/schema.ts'
import { loadText } from '../support/config.ts'

const document = readFileSync(new URL('../../docs/reference/configuration.md', import.meta.url), 'utf8')

test('the complete example loads without an error or a warning', async t => {
  const [, example = ''] = /```toml\n(.*?)```/s.exec(document) ?? []
  const { folder } = await loadText(t, '', { files: { 'mail-client-secret': 's3cret\n' } })
  const { config, problems } = await loadText(t, example, { env: { CREDENTIALS_DIRECTORY: folder } })
  assert.deepEqual(problems, [])
  assert.deepEqual(
    config?.listeners.map(({ name }) => name),
    ['imap', 'dovecot', 'sasl', 'maps', 'policy'],
  )
})

test('every key is explained once, in the table of its section, in the order of the schema', () => {
  const explained: string[] = []
  let prefix: string | undefined
  let column: string | undefined
  for (const line of document.split('\n')) {
    if (line === '## Before the first table') prefix = ''
    else if (line.startsWith('## ')) prefix = /\[(.*)\]/.exec(line)?.[1]?.concat('.')
    if (!line.startsWith('|')) column = undefined
    else column ??= line.split('|')[1]?.trim()
    const [, key] = /^\| `([^`]+)` \|/.exec(line) ?? []
    if (prefix !== undefined && column === 'key' && key !== undefined) explained.push(prefix + key)
  }
  assert.deepEqual(explained, listKeys())
})
