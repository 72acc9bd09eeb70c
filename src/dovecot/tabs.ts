/**
 * Tabs: lines of TAB-separated fields, as in all of Dovecot's internal protocols. PURE.
 *
 * Escapes as in Dovecot lib/strescape.c (str_append_tabescaped_n, str_tabunescape): 0x01 followed by `1`, `t`, `r`, `n` or
 * `0` for 0x01, TAB, CR, LF and NUL; 0x01 before anything else stands for that character, at the end for nothing.
 * A line is cut at its TABs first and each field unescaped then.
 */

const escapes: Readonly<Record<string, string>> = {
  '\x00': '\x010',
  '\x01': '\x011',
  '\t': '\x01t',
  '\r': '\x01r',
  '\n': '\x01n',
}

const originals: Readonly<Record<string, string>> = { '0': '\x00', '1': '\x01', t: '\t', r: '\r', n: '\n' }

export function escapeField(field: string): string {
  return /[\x00\x01\t\r\n]/.test(field) ? field.replace(/[\x00\x01\t\r\n]/g, char => escapes[char] ?? '') : field
}

export function unescapeField(field: string): string {
  if (!field.includes('\x01')) return field
  return field.replace(/\x01(.?)/gs, (_, char: string) => originals[char] ?? char)
}

export function splitLine(line: string): string[] {
  const fields = line.split('\t')
  return line.includes('\x01') ? fields.map(unescapeField) : fields
}

/** The value of the first `key=value` among unescaped fields. */
export function argument(fields: readonly string[], from: number, key: string): string | undefined {
  for (let index = from; index < fields.length; index++) {
    const field = fields[index] ?? ''
    if (field.startsWith(key) && field[key.length] === '=') return field.slice(key.length + 1)
  }
  return undefined
}

/** Decimal, without sign, below 2^32: an id, a pid, a version. */
export function unsigned32(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined
  const number = Number(text)
  return number <= 0xffffffff ? number : undefined
}
