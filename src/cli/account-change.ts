/**
 * Account change: what every command does that writes accounts. Under the lock of the managed file, the last .jsonl of
 * accounts.files: read, plan, check the result together with all other account files as the daemon would, write, and say
 * what was done. A dry run takes no lock and writes nothing.
 */
import { isUtf8 } from 'node:buffer'
import { asOwnerOf } from '../accounts/as-owner.ts'
import { rewriteFile } from '../accounts/durable.ts'
import { type Document, type Edit, editDocument, type Line, linesOf, readDocument } from '../accounts/edit.ts'
import { FileError } from '../accounts/file-error.ts'
import { commandWaitMs, type Lock, withLock } from '../accounts/lock.ts'
import { readWhole } from '../accounts/source.ts'
import { codeOf } from '../accounts/stamp.ts'
import { type Survey, survey } from '../accounts/survey.ts'
import { targetOf } from '../accounts/way.ts'
import type { Config } from '../config/config.ts'
import { fileProblem, formatProblem, isError, type Problem } from '../config/problem.ts'
import type { Progress } from './account-progress.ts'
import { loadConfigOrReport } from './config.ts'
import { warningOfNew } from './daemon-user.ts'
import { exit } from './exit.ts'
import { reportProblems, type Terminal, tellComplaints, tellWait } from './terminal.ts'
import { plural } from './words.ts'

/** As much as a text can hold. */
const maxBytes = 512 * 1024 ** 2

export type Plan =
  | {
      readonly ok: true
      readonly edits: readonly Edit[]
      readonly notes?: readonly string[]
      /** What keeps the edits from being written. They are checked all the same, to name every problem at once. */
      readonly problems?: readonly Problem[]
    }
  /** One line each. Nothing is changed. `code` is exit.no unless given. */
  | { readonly ok: false; readonly complaints: readonly string[]; readonly code?: number }

export type Change = {
  readonly configFile: string
  readonly dryRun: boolean
  /** A managed file that doesn't exist yet is an empty one. */
  readonly mayCreate: boolean
  /** Say every change, not only how many there are. */
  readonly verbose: boolean
  readonly plan: (current: Current) => Plan | Promise<Plan>
  /** Told how many of how many lines of the result are checked. */
  readonly progress?: Progress
  /** What goes with the change, before and after `write`; false: it must not be written, and why has been said. */
  readonly around?: (config: Config, write: () => Promise<unknown>) => Promise<boolean>
}

export type Current = {
  readonly config: Config
  readonly file: string
  readonly document: Document
  /** Everything as it is now. Read when it is asked for: others wait for the lock. */
  readonly survey: () => Promise<Survey>
}

export async function changeAccounts(change: Change, io: Terminal): Promise<number> {
  const config = (await loadConfigOrReport(change.configFile))?.config
  if (config === undefined) return exit.config
  const file = config.accounts.files.findLast(name => name.endsWith('.jsonl'))
  if (file === undefined) {
    io.error.write(
      `${config.file}: no file of accounts.files ends in .jsonl, and .toml files are edited by hand; add one, as in files = ["accounts.toml", "/var/lib/bearerd/accounts.jsonl"]\n`,
    )
    return exit.config
  }
  try {
    const work = (): Promise<number> => asOwnerOf(file, () => changeOrTry(file, config, change, io))
    return change.mayCreate ? await warningOfNew(file, config.stateDir, io, work) : await work()
  } catch (error) {
    // A fault of ours is thrown on; what the system says has a code.
    codeOf(error)
    io.error.write(`${error instanceof Error ? error.message : ''}\n`)
    return exit.config
  }
}

async function changeOrTry(file: string, config: Config, change: Change, io: Terminal): Promise<number> {
  if (change.dryRun) return changeFile({ file, target: await targetOf(file) }, config, change, io, undefined)
  return withLock(
    file,
    lock =>
      changeFile(lock, config, change, io, async text => {
        const write = (): Promise<unknown> => asOwnerOf(file, () => rewriteFile(file, text, lock, { mode: 0o600 }))
        if (change.around !== undefined) return change.around(config, write)
        await write()
        return true
      }),
    { waitMs: commandWaitMs, onWait: tellWait(io) },
  )
}

type Write = (text: Iterable<string>) => Promise<boolean>

async function changeFile(
  { file, target }: Pick<Lock, 'file' | 'target'>,
  config: Config,
  change: Change,
  io: Terminal,
  write: Write | undefined,
): Promise<number> {
  const document = await readManaged(file, target, change.mayCreate)
  if (document === undefined) {
    io.error.write(`${formatProblem(fileProblem(file, 'is not UTF-8; mend it first'))}\n`)
    return exit.config
  }
  const { accounts } = config
  const directories = config.directories.map(({ name }) => name)
  const look = (lines: readonly Line[], progress?: (done: number) => void): Promise<Survey> =>
    survey({ config: accounts, directories, instead: { file, lines }, ...(progress && { progress }) })
  let known: Promise<Survey> | undefined
  const current = (): Promise<Survey> => {
    known ??= look(linesOf(document, file))
    return known
  }
  const plan = await change.plan({ config, file, document, survey: current })
  if (!plan.ok) return refuse(plan.complaints, await current(), io, plan.code)
  const { lines, changes } = editDocument(document, plan.edits, file)
  const result = await look(lines, done => change.progress?.update(done, lines.length)).finally(change.progress?.stop)
  const complaints = await compare(current, result, plan.problems ?? [], accounts.unknown === 'create', io)
  if (complaints.length > 0) return refuse(complaints, await current(), io)

  const summary = summarize(changes, plan.edits.length, change.verbose || change.dryRun)
  if (write !== undefined && summary.changes > 0 && !(await write(textOf(lines)))) return exit.config
  io.output.write(`${summary.lines.join('\n')}\n`)
  if (write === undefined) io.output.write('dry run: nothing was written\n')
  else announce(document.positions.size, summary, file, io)
  for (const note of plan.notes ?? []) io.output.write(`${note}\n`)
  return exit.done
}

/** What the change would get wrong. Says new warnings. */
async function compare(
  current: () => Promise<Survey>,
  after: Survey,
  planned: readonly Problem[],
  mayBeEmpty: boolean,
  io: Terminal,
): Promise<string[]> {
  if (planned.length === 0 && after.problems.length === 0 && after.listed.length > 0) return []
  const before = await current()
  const known = new Set(before.problems.map(formatProblem))
  const errors = [...planned, ...after.problems.filter(isError)]
  if (errors.length > 0) return errors.sort(byPlace).map(formatProblem)
  if (after.listed.length === 0 && before.listed.length > 0 && !mayBeEmpty)
    return ['this would leave no account in any file, which bearerd takes for an accident; disable it instead']
  reportProblems(
    io,
    after.problems.filter(problem => !known.has(formatProblem(problem))),
  )
  return []
}

function byPlace(a: Problem, b: Problem): number {
  return a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1
}

/** Undefined: not to be edited, since what isn't UTF-8 would not come back as it was. */
async function readManaged(file: string, target: string, mayCreate: boolean): Promise<Document | undefined> {
  const bytes = await readWhole(target, maxBytes)
  if (bytes === undefined) {
    if (mayCreate) return readDocument('')
    throw new FileError('ENOENT', `${file}: doesn't exist; "bearerd account add ADDRESS" makes it`)
  }
  if ('why' in bytes) throw new FileError(bytes.code, `${file}: ${bytes.why}`)
  return isUtf8(bytes) ? readDocument(bytes.toString()) : undefined
}

type Summary = {
  readonly lines: readonly string[]
  readonly changes: number
  readonly added: number
  readonly removed: number
}

function summarize(changes: readonly string[], edits: number, verbose: boolean): Summary {
  const count = (sign: string): number => changes.filter(line => line.startsWith(sign)).length
  const [added, removed] = [count('+'), count('-')]
  const unchanged = edits - changes.length
  const counts = `${plural(added, 'account')} added, ${count('~')} changed, ${removed} removed`
  const lines = [...(verbose ? changes : []), unchanged === 0 ? counts : `${counts}, ${unchanged} as before`]
  return { lines, changes: changes.length, added, removed }
}

function* textOf(lines: readonly Line[]): Generator<string> {
  for (const { text } of lines) yield `${text}\n`
}

/** What the daemon will not believe unasked (`load.ts`). */
function announce(before: number, { added, removed }: Summary, file: string, io: Terminal): void {
  const after = before + added - removed
  if (before > 0 && after === 0)
    io.error.write(`${file} is empty now, which a running bearerd believes only after "systemctl restart bearerd"\n`)
  else if (before >= 10 && after < before / 2)
    io.error.write(
      `${file} has lost most of its accounts, which a running bearerd believes only after "systemctl reload bearerd"\n`,
    )
}

/** What was wrong before is said first: it may be the cause of the rest. */
function refuse(complaints: readonly string[], { problems }: Survey, io: Terminal, code: number = exit.no): number {
  if (problems.some(isError)) {
    reportProblems(io, problems)
    io.error.write('the account files have these problems already; nothing was changed\n')
    return exit.config
  }
  tellComplaints(io, complaints)
  io.error.write('nothing was changed\n')
  return code
}
