/**
 * The complete example in docs/reference/configuration.md: its first TOML block.
 */
export function exampleConfig(reference: string): string {
  const [, toml] = /^```toml\n([\s\S]*?)^```$/m.exec(reference) ?? []
  if (toml === undefined) throw new Error('docs/reference/configuration.md has no TOML block')
  return `# A full example; "man bearerd.toml" explains each key.\n${toml}`
}
