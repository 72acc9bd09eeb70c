/** Format: what kind of file accounts are imported from, by its name or by its look. PURE. */
import { readTable } from './account-from-postfix.ts'

export const formats = ['jsonl', 'csv', 'dovecot-passwd', 'postfix-virtual', 'postfix-mailbox'] as const
export type Format = (typeof formats)[number]

/** Undefined: it could be anything. */
export function formatOf(file: string, text: string): Format | undefined {
  if (/\.jsonl?$/i.test(file)) return 'jsonl'
  if (/\.csv$/i.test(file)) return 'csv'
  // The beginning is enough; a CR is no more than the end of a line.
  const rows = text
    .slice(0, 64 * 1024)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
  const first = rows.find(row => row.trim() !== '' && !row.trimStart().startsWith('#'))
  if (first === undefined) return undefined
  if (first.trimStart().startsWith('{"')) return 'jsonl'
  if (/^(?:[^:]*[,;])?\s*"?address"?\s*(?:$|[,;])/i.test(first)) return 'csv'
  // A user and a password, or a user and empty fields; blanks only in what comes later.
  if (/^[^\s:]+:(?:[^\s:]*:|\{|$)/.test(first)) return 'dovecot-passwd'
  const values = readTable(rows.join('\n')).filter(({ key }) => key.includes('@'))
  if (values.length === 0) return undefined
  if (values.every(({ value }) => value.includes('@'))) return 'postfix-virtual'
  return values.every(({ value }) => value.includes('/') && !value.includes('@')) ? 'postfix-mailbox' : undefined
}
