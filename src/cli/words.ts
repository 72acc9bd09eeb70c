/**
 * Words: counts, times and durations, as every command says them. PURE.
 */

export function plural(count: number, what: string, ending = 's'): string {
  return `${count} ${what}${count === 1 ? '' : ending}`
}

/** `2026-01-31 12:00 UTC`. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The two largest units that count: `3 days 4 h`, `9 min`, `12 s`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [minutes, hours, days] = [60, 3600, 86_400].map(unit => Math.floor(seconds / unit)) as [number, number, number]
  if (days > 0) return `${plural(days, 'day')}${part(hours % 24, 'h')}`
  if (hours > 0) return `${hours} h${part(minutes % 60, 'min')}`
  return minutes > 0 ? `${minutes} min` : `${seconds} s`
}

function part(count: number, unit: string): string {
  return count === 0 ? '' : ` ${count} ${unit}`
}
