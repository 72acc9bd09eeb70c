/** Findings: collects what the checks of one subject come to, in their order. */
import { describeFault, type Fault } from '../oidc/fault.ts'
import type { Finding, Findings, Trouble } from './finding.ts'

export function createFindings(subject: string): Findings {
  const list: Finding[] = []
  const add =
    (outcome: Finding['outcome']) =>
    (check: string, seen: string, trouble?: Trouble): void => {
      list.push({ subject, check, outcome, seen, ...trouble })
    }
  return { list, ok: add('ok'), skip: add('skipped'), warn: add('warning'), fail: add('failed') }
}

/** That a provider didn't answer, or not well. 5xx is often somebody who answers for a provider that isn't there. */
export function failByFault(check: string, url: string, { code, status }: Fault, findings: Findings, more = ''): void {
  const { cause, cure } = describeFault(code)
  const unreachable = status === undefined || status >= 500 || undefined
  findings.fail(check, `${url}: ${cause}`, { cure: more || cure, unreachable })
}
