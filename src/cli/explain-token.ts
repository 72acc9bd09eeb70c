/**
 * `bearerd explain-token`: reads a token from standard input and shows every check that the daemon makes of it, what was seen,
 * what was expected, and what to do. It asks the provider, and changes nothing. Neither the token is shown nor a piece of it.
 *
 * Exit code 0: accepted. 1: refused. 69: no verdict, mostly because a provider can't be reached. 78: the configuration or an
 * account file has errors.
 */
import { loadAccounts, loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { type Explanation, explainDecision, type Question } from './explain-decision.ts'
import { readTokenInput, wanted } from './explain-input.ts'
import { explainInWords } from './explain-words.ts'
import { createTokenHider } from './hider.ts'
import { ourStreams, readSecret, type Streams } from './secret-input.ts'
import { ourTerminal, reportProblems, settle } from './terminal.ts'

export type ExplainOptions = {
  readonly config: string
  readonly json: boolean
  /** The name that the mail client asks for. */
  readonly user?: string | undefined
}

export async function runExplainToken(options: ExplainOptions, streams: Streams = ourStreams): Promise<number> {
  const complain = (problem: string, cure: string): number => {
    streams.error.write(`There is ${problem} on standard input. ${cure}\n`)
    return exit.usage
  }
  const read = await readSecret(streams, 'token')
  if ('problem' in read) return complain(read.problem, wanted)
  const input = readTokenInput(read.secret)
  if ('problem' in input) return complain(input.problem, input.cure)
  if (input.note !== undefined) streams.error.write(`${input.note}\n`)
  const question = { token: input.token, user: options.user }
  return settle({ ...ourTerminal, error: streams.error }, () => explain(question, options, streams))
}

async function explain(question: Question, { config: file, json }: ExplainOptions, { output, error }: Streams) {
  const config = (await loadConfigOrReport(file))?.config
  if (config === undefined) return exit.config
  const { index, problems } = await loadAccounts(config)
  if (index === undefined) reportProblems({ ...ourTerminal, error }, problems)
  const explanation = await explainDecision(config, index, question)
  const hide = createTokenHider(question.token)
  const lines = json ? [JSON.stringify(explanation)] : explainInWords(explanation)
  for (const line of lines) output.write(`${hide(line)}\n`)
  return exitCode(explanation)
}

function exitCode({ verdict, reason }: Explanation): number {
  if (verdict === 'accept') return exit.done
  if (verdict === 'reject') return exit.no
  return reason === 'accounts_unavailable' ? exit.config : exit.unavailable
}
