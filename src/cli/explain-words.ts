/**
 * Explain words: an explanation as lines for people: a step each, what has to be mended, and the verdict. PURE.
 */
import type { Step } from '../auth/steps.ts'
import type { Explanation } from './explain-decision.ts'

const outcomes = { ok: 'ok  ', failed: 'FAIL', note: '-   ' } as const
const verdicts = { accept: 'accepted', reject: 'refused', unavailable: 'no verdict' } as const

export function explainInWords(explanation: Explanation): string[] {
  const { verdict, reason, meaning, steps } = explanation
  const width = Math.max(...steps.map(({ check }) => check.length))
  return [
    ...steps.flatMap(step => stepInWords(step, width)),
    '',
    `${verdicts[verdict]}: ${reason}${inBrackets(explanation)}`,
    `  ${meaning}`,
    whatToDo(explanation),
  ]
}

function stepInWords({ check, outcome, seen, expected, cure }: Step, width: number): string[] {
  const wanted = expected === undefined ? '' : `; expected: ${expected}`
  const line = `${outcomes[outcome]}  ${check.padEnd(width)}  ${seen}${wanted}`
  return outcome === 'failed' && cure !== undefined ? [line, `        ${cure}`] : [line]
}

function inBrackets({ directory, source }: Explanation): string {
  const told = [directory && `directory ${directory}`, source && `by ${source}`].filter(Boolean)
  return told.length === 0 ? '' : ` (${told.join(', ')})`
}

function whatToDo({ verdict, account, cure }: Explanation): string {
  return verdict === 'accept'
    ? `${cure} With this token a mail client is logged in as ${account}.`
    : `What to do: ${cure}`
}
