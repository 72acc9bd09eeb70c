/**
 * Store: the accounts in force, while their files change.
 *
 * A load takes effect whole or not at all: after an error the accounts that were loaded last stay in force, and if there
 * are none, `current()` says so and everything is answered with a temporary failure. Files are looked at twice a second
 * and read again once they have been left alone for one look, so that a file half written is not taken for whole.
 *
 * Loads and creations happen one at a time. A creation happens under the lock of its file, on top of what is on disk then.
 */
import type { AccountsConfig } from '../config/config.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import type { Log } from '../log.ts'
import type { Account, AccountStore, NewAccount } from './account.ts'
import { appendLine, isSame, type Lock, withLock } from './durable.ts'
import { createLineParser, type Entry } from './file.ts'
import { type Loaded, loadAccounts } from './load.ts'
import { stampOf, stampsOf } from './read.ts'
