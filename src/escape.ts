/**
 * Escape: text from elsewhere, fit for a log or a terminal. PURE.
 *
 * A terminal obeys control characters, whoever sent them; format characters and line separators make a text look like
 * another one, and what has no meaning yet may get one. They become `\u{…}`.
 */
export function escaped(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, char => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}
