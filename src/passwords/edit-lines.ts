/**
 * Edit lines: a file of one record a line without some of its lines, and with others at its end. PURE.
 *
 * The lines that stay keep their bytes, line ends and all: what somebody has written by hand is nothing to tidy up.
 */

/**
 * `isGone` is shown each line without its newline; `added` have none either. The result comes in pieces, to be written:
 * what lies between two lines that go is one.
 */
export function* editLines(
  text: string,
  isGone: (line: string) => boolean,
  added: Iterable<string>,
): Generator<string> {
  let complete = true
  for (const piece of keptPieces(text, isGone)) {
    yield piece
    complete = piece.endsWith('\n')
  }
  for (const line of added) {
    yield `${complete ? '' : '\n'}${line}\n`
    complete = true
  }
}

function* keptPieces(text: string, isGone: (line: string) => boolean): Generator<string> {
  let kept = 0
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const [end, next] = newline < 0 ? [text.length, text.length] : [newline, newline + 1]
    if (isGone(text.slice(start, end))) {
      if (kept < start) yield text.slice(kept, start)
      kept = next
    }
    start = next
  }
  if (kept < text.length) yield text.slice(kept)
}
