/** A visit to one directory's provider. Types only. */
import type { DirectoryConfig } from '../config/config.ts'
import type { Probe, Reply } from '../oidc/probe.ts'
import type { Findings } from './finding.ts'

export type Visit = {
  readonly directory: DirectoryConfig
  readonly findings: Findings
  ask(request: (probe: Probe) => Promise<Reply>): Promise<Reply>
}
