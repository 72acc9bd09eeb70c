/**
 * Explain input: the token that somebody has copied from somewhere, for `explain-token`. PURE.
 *
 * Nothing is guessed: what isn't a token alone is complained of, but for the "Bearer" of an HTTP header.
 */

/** `note` says what was left out. `problem` completes "There is … on standard input". */
export type TokenInput =
  | { readonly token: string; readonly note: string | undefined }
  | { readonly problem: string; readonly cure: string }

/** `text` has neither blanks around it nor line ends in it. */
export function readTokenInput(text: string): TokenInput {
  const prefix = /^(?:authorization: *)?(?:bearer(?: +|$))?/i.exec(text)?.[0] ?? ''
  const token = text.slice(prefix.length)
  if (token === '') return { problem: 'no token', cure: wanted }
  if (token.startsWith('{'))
    return { problem: 'JSON', cure: 'If it is the answer of a token endpoint, give the value of "access_token" alone.' }
  if (/^["'`]|["'`]$/.test(token)) return { problem: 'a token in quotes', cure: 'Leave the quotes out.' }
  if (/\s/.test(token)) return { problem: 'a blank within the token', cure: 'Take out what copying has put in.' }
  return { token, note: prefix === '' ? undefined : `"${prefix.trim()}" before the token was left out` }
}

export const wanted = 'Wanted is the access token alone, in one line; if copying has broken it into lines, join them.'
