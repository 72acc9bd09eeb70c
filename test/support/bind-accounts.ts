/**
 * A process that binds accounts as the daemon does, until it has bound enough or is killed: FILE PREFIX COUNT. Prints each
 * subject once it has been told that the binding is there to stay.
 */
import { createBindings } from '../../src/accounts/bindings.ts'
import { account } from './accounts.ts'
import { createRecorder } from './log.ts'

const [file = '', prefix = '', count = '0'] = process.argv.slice(2)
const bindings = createBindings(file, createRecorder(), { pollMs: 5 })
await bindings.load()
for (let n = 0; n < Number(count); n++) {
  await bindings.bind(account({ address: `${prefix}${n}@example.org` }), 'main', `${prefix}${n}`)
  process.stdout.write(`${prefix}${n}\n`)
}
