/**
 * All property tests, in one process: what they test is PURE, so that none can be in another's way, and to start a process
 * for each would take most of their time.
 */
import { importTests } from './support/together.ts'

await importTests(new URL('property/', import.meta.url))
