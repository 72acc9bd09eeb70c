/** Reads the text format of Prometheus, as far as bearerd writes it. */

export type Samples = {
  /** `name{label="value",…}`. */
  value(series: string): number | undefined
  /** The labels of each series of this name. */
  series(name: string): string[]
  sum(name: string): number
  /** Families: name → type, and the names of their samples. */
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>
  readonly names: ReadonlySet<string>
}

export function readSamples(text: string): Samples {
  const values = new Map<string, number>()
  const help = new Map<string, string>()
  const families = new Map<string, { type: string; help: string }>()
  for (const line of text.split('\n').filter(Boolean)) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (word === 'HELP') help.set(name, rest)
    else if (word === 'TYPE') families.set(name, { type: rest, help: help.get(name) ?? '' })
    else {
      const at = line.lastIndexOf(' ')
      values.set(line.slice(0, at), Number(line.slice(at + 1)))
    }
  }
  const nameOf = (series: string): string => series.split('{', 1)[0] ?? ''
  const of = (name: string) => [...values].filter(([series]) => nameOf(series) === name)
  return {
    value: series => values.get(series),
    series: name => of(name).map(([series]) => series.slice(name.length + 1, -1)),
    sum: name => of(name).reduce((total, [, value]) => total + value, 0),
    families,
    names: new Set([...values.keys()].map(nameOf)),
  }
}
