/**
 * Dialog: runs a transcript against dialects in memory. The transcripts (`test/dialogs/*.txt`) are the readable half of
 * a protocol's tests; the `.test.ts` beside them says what stands behind the sockets.
 *
 *   == A good token                          starts a dialog; each one gets fresh connections
 *   # words                                  a remark
 *   -- verdict accept alice@example.org      an instruction to the test (`instruct`)
 *   C: CPID\t7                               the mail server sends this frame
 *   S: OK\t1\tuser=alice@example.org         the daemon sends this frame, next and exactly
 *   S: (nothing)                             … or nothing more
 *   S: (anything)                            … or whatever it likes, which is passed over
 *   S: (closes)                              … or hangs up; `(closes: WORDS)` if the reason given has these words in it
 *   C: (closes)                              the mail server hangs up
 *   C[master]: VERSION\t1\t0                 on the connection called "master"; `C:` is the one called ""
 *
 * In a frame: \t \n \r \\ \xHH; `<<name>>` stands for one field (no TAB), the same one wherever the name comes again in a
 * dialog; `<<base64 TEXT>>` for TEXT in base64. A client's frame gets the ending of its protocol from `encode`, and
 * what the daemon sends is cut into frames by `decode`; both are for LF-terminated lines unless told otherwise.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Peer, settle } from './wire.ts'

export type DialogOptions = {
  /** Opens a connection when a transcript names it first, and again after it was closed. */
  connect(connection: string): Peer
  /** Carries out `-- words`. */
  instruct?(words: string[]): void | Promise<void>
  encode?(frame: string): string | Buffer
  decode?(sent: string): string[]
}

export type Dialog = { readonly name: string; readonly steps: readonly Step[] }

type Step = {
  readonly line: number
  readonly actor: 'C' | 'S' | '--'
  readonly connection: string
  readonly text: string
}

export function readDialogs(file: string | URL): Dialog[] {
  const dialogs: { name: string; steps: Step[] }[] = []
  for (const [index, row] of readFileSync(file, 'utf8').split('\n').entries()) {
    const line = index + 1
    if (row === '' || row.startsWith('#')) continue
    if (row.startsWith('== ')) {
      dialogs.push({ name: row.slice(3), steps: [] })
      continue
    }
    const steps = dialogs.at(-1)?.steps
    const match = /^(?:(--) ?|([CS])(?:\[([^\]]*)\])?: ?)(.*)$/s.exec(row)
    if (match === null || steps === undefined) throw new Error(`${file}:${line}: not a line of a dialog: ${row}`)
    const [, instruction, actor, connection = '', text = ''] = match
    steps.push({ line, actor: instruction !== undefined ? '--' : actor === 'C' ? 'C' : 'S', connection, text })
  }
  return dialogs
}

export async function runDialog(dialog: Dialog, options: DialogOptions): Promise<void> {
  const { encode = frame => `${frame}\n`, decode = linesOf } = options
  const known = new Map<string, string>()
  const connections = new Map<string, { peer: Peer; unread: string[] }>()

  const connection = (name: string) => {
    const open = connections.get(name)
    if (open !== undefined) return open
    const opened = { peer: options.connect(name), unread: [] as string[] }
    connections.set(name, opened)
    return opened
  }
  const collect = async () => {
    await settle()
    for (const open of connections.values()) open.unread.push(...decode(open.peer.read()))
  }

  for (const { line, actor, connection: name, text } of dialog.steps) {
    const where = `${dialog.name}, line ${line}`
    if (actor === '--') {
      await collect()
      await options.instruct?.(text.split(' '))
    } else if (actor === 'C') {
      const { peer } = connection(name)
      if (text === '(closes)') {
        peer.close()
        await collect()
        connections.delete(name)
      } else peer.write(encode(unquote(fill(text, known))))
    } else {
      const { peer, unread } = connection(name)
      await collect()
      const closes = /^\(closes(?:: (.*))?\)$/.exec(text)
      if (closes !== null) {
        assert.deepEqual(unread, [], `${where}: something was sent before the connection closed`)
        assert.notEqual(peer.destroyed, undefined, `${where}: the connection is still open`)
        assert.ok(peer.destroyed?.includes(closes[1] ?? ''), `${where}: closed because "${peer.destroyed}"`)
        connections.delete(name)
      } else if (text === '(anything)') {
        unread.length = 0
      } else if (text === '(nothing)') {
        assert.deepEqual(unread, [], where)
        assert.equal(peer.destroyed, undefined, `${where}: the connection was closed`)
      } else {
        const frame = unread.shift()
        assert.ok(frame !== undefined, `${where}: nothing came (${peer.destroyed ?? 'still open'}) instead of: ${text}`)
        match(text, frame, known, where)
      }
    }
  }
  await collect()
  for (const [name, { peer, unread }] of connections) {
    assert.deepEqual(unread, [], `${dialog.name}: more was sent on "${name}" than the dialog says`)
    assert.equal(peer.destroyed, undefined, `${dialog.name}: "${name}" was closed at the end`)
  }
}

function linesOf(sent: string): string[] {
  const lines = sent.split('\n')
  assert.equal(lines.pop(), '', 'the last line sent has no end')
  return lines
}

/** Puts what is known into `<<name>>`, and base64 into `<<base64 …>>`. */
function fill(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(/<<(base64 )?(.*?)>>/g, (whole, base64: string | undefined, inner: string) =>
    base64 === undefined ? (known.get(inner) ?? whole) : Buffer.from(unquote(inner), 'latin1').toString('base64'),
  )
}

function match(pattern: string, frame: string, known: Map<string, string>, where: string): void {
  const filled = fill(pattern, known)
  const names: string[] = []
  const source = filled
    .split(/<<(.*?)>>/)
    .map((part, index) => {
      if (index % 2 === 0) return unquote(part).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      names.push(part)
      return '([^\\t]+)'
    })
    .join('')
  const found = new RegExp(`^${source}$`, 's').exec(frame)
  if (found === null) assert.equal(quote(frame), filled, where)
  for (const [index, name] of names.entries()) known.set(name, found?.[index + 1] ?? '')
}

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', '\\': '\\' }

function unquote(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (whole, hex: string | undefined, letter: string) =>
    hex === undefined ? (escapes[letter] ?? whole) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** For the message of a failed comparison. */
function quote(text: string): string {
  return text.replace(/[\\\x00-\x1f]/g, char => {
    const letter = Object.keys(escapes).find(key => escapes[key] === char)
    return letter === undefined ? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}` : `\\${letter}`
  })
}
