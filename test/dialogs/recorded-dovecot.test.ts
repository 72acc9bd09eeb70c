/** What Dovecot's processes said, and what its own auth server answered: test/fixtures/dovecot-recorded.txt. */
import { describe, it } from 'node:test'
import { stopClock } from '../support/clock.ts'
import { readDialogs } from '../support/dialog.ts'
import { replay } from '../support/recording.ts'

const handshake = 'VERSION\t1\t2\nCPID\t987\n'

describe('Dovecot, recorded', () => {
  for (const dialog of readDialogs(new URL('../fixtures/dovecot-recorded.txt', import.meta.url)))
    it(dialog.name, t => replay(dialog, { protocol: 'dovecot-auth', clock: stopClock(t), handshake }))
})
