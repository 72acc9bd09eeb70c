/**
 * The first third of the unit tests in one process, since to start a process for each file takes most of their time. What
 * a test changes of the process (environment, umask, clock) it changes back.
 */
import { importTests } from './support/together.ts'

await importTests(new URL('unit/', import.meta.url), name => name < 'd')
