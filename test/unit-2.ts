/** The second third of the unit tests: see unit-1.ts. */
import { importTests } from './support/together.ts'

await importTests(new URL('unit/', import.meta.url), name => name >= 'd' && name < 'm')
