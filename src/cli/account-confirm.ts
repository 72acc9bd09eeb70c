/** Confirm: a question that a person at the terminal answers with yes or no. */
import type { Terminal } from './terminal.ts'

const maxAnswer = 1024

/** Undefined: there is nobody to ask. */
export async function confirm({ input, error }: Terminal, question: string): Promise<boolean | undefined> {
  if (!input.isTTY) return undefined
  error.write(`${question} [y/N] `)
  let answer = ''
  for await (const chunk of input) {
    answer += chunk.toString()
    if (answer.includes('\n') || answer.length > maxAnswer) break
  }
  return /^y(es)?$/i.test(answer.trim())
}
