/**
 * A process that creates accounts until it has created enough or is killed: FILE PREFIX COUNT. Prints each address once
 * it has been told that the account is there to stay.
 */
import { createAccountStore } from '../../src/accounts/store.ts'
import { createRecorder } from './log.ts'
import { newcomer } from './store.ts'

const [file = '', prefix = '', count = '0'] = process.argv.slice(2)
const config = {
  configFile: '/etc/bearerd/bearerd.toml',
  files: [file],
  unknown: 'create',
  recipientDelimiter: '+',
  defaults: {},
  create: { domains: [], perHour: 1_000_000 },
} as const
const store = createAccountStore(config, ['main'], createRecorder(), { pollMs: 5 })
await store.load()
for (let n = 0; n < Number(count); n++) {
  const { address } = await store.create(newcomer(`${prefix}${n}@example.org`))
  process.stdout.write(`${address}\n`)
}
