/** All dialogs, in one process: each makes the sessions that it speaks to, and to start a process takes longer. */
import { importTests } from './support/together.ts'

await importTests(new URL('dialogs/', import.meta.url))
