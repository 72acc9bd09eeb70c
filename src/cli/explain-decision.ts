/**
 * Explain decision: what the daemon would decide on a token, step by step.
 *
 * It is the daemon's own decision (`createAuthenticate`) that speaks here, with the same providers, accounts and bindings; but
 * nothing is changed by it: no account is created, no binding and no key written, and its log is read here and nowhere else.
 * The cache of a running daemon is not seen.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { AccountIndex, AccountStore } from '../accounts/account.ts'
import { bindingFile, readBindings } from '../accounts/binding-file.ts'
import type { Bindings } from '../accounts/bindings.ts'
import { planCreation } from '../accounts/creation.ts'
import { createAuthenticate } from '../auth/authenticate.ts'
import { reasons } from '../auth/reason.ts'
import { createRouting } from '../auth/routing.ts'
import { bindingStep, creationStep, type Step } from '../auth/steps.ts'
import type { LoginRequest, Verdict } from '../auth/verdict.ts'
import type { Config, DirectoryConfig } from '../config/config.ts'
import { isError } from '../config/problem.ts'
import { createKeyDisk, type KeyDisk } from '../key-disk.ts'
import type { Log } from '../log.ts'
import { type OpenDirectory, openDirectory } from '../open-directory.ts'
import { oauthbearer } from '../sasl/oauthbearer.ts'

export type Explanation = {
  readonly verdict: Verdict['kind']
  /** As in the log. */
  readonly reason: keyof typeof reasons
  readonly meaning: string
  readonly cure: string
  readonly account?: string | undefined
  readonly directory?: string | undefined
  /** Who has spoken on the token: "jwt", "introspect+userinfo". */
  readonly source?: string | undefined
  readonly steps: readonly Step[]
}

export type Question = { readonly token: string; readonly user: string | undefined }

type Observe = (step: Step) => void
type Fields = Readonly<Record<string, unknown>>

/** Between two fetches of an issuer's keys (`oidc/refetch.ts`). */
const keysPauseMs = 3_000
/** Nothing is to be found in a cache that a token is the first in. */
const noCache = { ttlMs: 0, negativeTtlMs: 0, maxTokens: 1 }

/** `index`: undefined where the account files have errors. */
export async function explainDecision(
  config: Config,
  index: AccountIndex | undefined,
  question: Question,
): Promise<Explanation> {
  const steps: Step[] = []
  const observe = (step: Step): void => void steps.push(step)
  const { log, login } = createMemory(observe)
  const directories = new Map<string, OpenDirectory>()
  try {
    for (const directory of config.directories) {
      const keyDisk = readOnly(createKeyDisk(config.stateDir, directory.name))
      directories.set(directory.name, openDirectory(directory, { cache: noCache, keyDisk, log }))
    }
    const authenticate = createAuthenticate({
      directories,
      routing: createRouting(config.directories),
      accounts: createAccountView(index, observe),
      bindings: await createBindingView(config, observe),
      newcomers: config.accounts,
      passwords: undefined,
      log,
      observe,
    })
    if (config.directories.some(isHasty)) await pause(keysPauseMs)
    const verdict = await authenticate(requestOf(question, config))
    // What a late answer has to say changes nothing any more.
    return conclude(verdict, login(), [...steps])
  } finally {
    await Promise.all([...directories.values()].map(directory => directory.close()))
  }
}

/**
 * Whether a token that is signed by no known key would run out of time for want of a second fetch of the keys, so soon after
 * the first one. A daemon has that long behind it.
 */
function isHasty({ endpoint: { methods }, timeoutMs }: DirectoryConfig): boolean {
  return methods.includes('jwt') && timeoutMs <= keysPauseMs
}

/** As a mail client would send it, read by the rules for mail clients. */
function requestOf({ token, user }: Question, { limits }: Config): LoginRequest {
  const name = user?.replaceAll('=', '=3D').replaceAll(',', '=2C')
  const message = `n,${name === undefined ? '' : `a=${name}`},\x01auth=Bearer ${token}\x01\x01`
  const credentials = oauthbearer.start({ tokenBytes: limits.tokenBytes })(Buffer.from(message))
  if (credentials.kind === 'challenge') throw new Error('OAUTHBEARER is one message')
  const request = { listener: 'explain-token', service: 'explain-token', mechanism: oauthbearer.name }
  return { ...request, credentials, remoteAddress: undefined, session: undefined }
}

function conclude(verdict: Verdict, login: Fields, steps: readonly Step[]): Explanation {
  const reason = verdict.kind === 'accept' ? 'ok' : verdict.reason
  const { meaning } = reasons[reason]
  const text = (name: string): string | undefined =>
    typeof login[name] === 'string' ? login[name] || undefined : undefined
  const first = steps.findIndex(({ outcome }) => outcome === 'failed')
  const told = text('cure') ?? reasons[reason].cure
  // What keeps a provider from answering is mended otherwise each time.
  const cure = verdict.kind === 'unavailable' ? (steps[first]?.cure ?? told) : told
  return {
    verdict: verdict.kind,
    reason,
    meaning,
    cure,
    account: text('account'),
    directory: text('directory'),
    source: text('source'),
    steps: steps.map((step, index) => (index === first ? { ...step, cure: step.cure ?? cure } : step)),
  }
}

/** A log that is read for its line on the login, and for faults of ours. */
function createMemory(observe: Observe): { log: Log; login: () => Fields } {
  let login: Fields = {}
  const note = (fields: object): void => {
    const { event, error, stack }: Fields = { ...fields }
    if (event === 'login') login = { ...fields }
    if (event === 'fault') observe({ check: 'fault', outcome: 'failed', seen: `${error}, ${stack}` })
  }
  return { log: { debug: note, info: note, warn: note, error: note }, login: () => login }
}

function readOnly({ read }: KeyDisk): KeyDisk {
  return { read, write: async () => {} }
}

function createAccountView(index: AccountIndex | undefined, observe: Observe): AccountStore {
  return {
    current: () => index,
    async create(wanted) {
      const plan = index && planCreation(wanted, index, new Date())
      const problem = plan === undefined ? 'the account files have errors' : 'why' in plan ? plan.why : undefined
      observe(creationStep(problem))
      if (plan === undefined || 'why' in plan) throw new Error(problem)
      return plan.account
    },
  }
}

/** Undefined where no directory binds. */
async function createBindingView({ directories, stateDir }: Config, observe: Observe): Promise<Bindings | undefined> {
  if (directories.every(({ bind }) => bind === 'never')) return undefined
  const { table, problems } = await readBindings(bindingFile(stateDir))
  const isReadable = !problems.some(isError)
  return {
    current: () => (isReadable ? table : undefined),
    bind(account, directory, subject) {
      observe(bindingStep(subject, table.subjectOf(account, directory) === subject))
      return undefined
    },
  }
}
