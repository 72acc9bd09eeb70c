/**
 * Clock: whether the provider's clock and ours agree, by the Date field of its answers (RFC 9110 section 6.6.1). It
 * decides when tokens begin and end.
 */
import type { Findings } from './finding.ts'

/** More than a clock set by NTP is ever off. */
const tolerableMs = 5_000

/** `skewsMs`: by how much theirs was ahead, at each answer that told the time. */
export function checkClock(skewsMs: readonly number[], leewayMs: number, findings: Findings): void {
  const [worst] = [...skewsMs].sort((a, b) => Math.abs(b) - Math.abs(a))
  if (worst === undefined) return
  const offMs = Math.abs(worst)
  const seconds = Math.round(offMs / 1000)
  const seen = `the provider's clock is ${seconds} s ${worst < 0 ? 'behind' : 'ahead of'} ours`
  const cure = 'See whether both are set by NTP; here: "timedatectl status". "date -u" tells which one is wrong.'
  if (offMs > leewayMs) findings.fail('clock', seen, { expected: `within leeway, ${leewayMs / 1000} s`, cure })
  else if (offMs > tolerableMs) findings.warn('clock', seen, { expected: `within ${tolerableMs / 1000} s`, cure })
  else findings.ok('clock', seconds === 0 ? 'as ours' : seen)
}
