/** What smtpd said, and what it was answered: test/fixtures/postfix-sasl-recorded.txt. */
import { describe, it } from 'node:test'
import { stopClock } from '../support/clock.ts'
import { readDialogs } from '../support/dialog.ts'
import { replay } from '../support/recording.ts'

const handshake = 'VERSION\t1\t0\nCPID\t4388\n'

describe('Postfix, recorded', () => {
  for (const dialog of readDialogs(new URL('../fixtures/postfix-sasl-recorded.txt', import.meta.url)))
    it(dialog.name, t => replay(dialog, { protocol: 'postfix-sasl', clock: stopClock(t), handshake }))
})
