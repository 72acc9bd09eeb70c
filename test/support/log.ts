/** A log that a test can read. */
import type { Log } from '../../src/log.ts'

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: keyof Log; readonly message: string }

export function createRecorder(): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: keyof Log) => (fields: object, message: string) => {
    lines.push({ ...fields, level, message })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), lines }
}
