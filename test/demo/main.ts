/**
 * The demo, `npm start`: bearerd as it is delivered, with sample files, beside a real OpenID provider; what it answers to
 * Dovecot's and Postfix's questions, as expected or not. Then it stays up, to be tried by hand, until Ctrl-C.
 *
 * `npm start -- --once` ends instead: with 0 if everything came out as expected, else 1.
 */
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { introspectors, startProvider } from '../support/provider.ts'
import { createReport } from './report.ts'
import { getTokens, showDown, showLogins, showRecipients, showRefused } from './scenes.ts'
import { makeFolder, startDaemon, writeSample } from './stage.ts'

const stayUp = !process.argv.includes('--once')
const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])

const report = createReport()
const folder = makeFolder()
const provider = await startProvider()
writeSample(folder, { issuer: provider.issuer, secret: introspectors.basic.secret })

report.heading('bearerd, with a provider and accounts of its own')
report.fact('provider', `${provider.issuer}, a real one (oidc-provider)`)
report.fact('bearerd', `node dist/main.js serve --config ${folder}/bearerd.toml`)
report.fact('accounts', `${folder}/accounts.toml`)
report.fact('log', `${folder}/bearerd.log`)

const daemon = await startDaemon(folder)
try {
  const tokens = await getTokens(provider)
  const stage = { folder, provider, tokens, report }
  await showLogins(stage)
  await showRefused(stage)
  await showDown(stage)
  await showRecipients(stage)
  const { passed, failed } = report
  report.heading(failed === 0 ? `All ${passed} as expected.` : `${failed} of ${passed + failed} not as expected.`)
  if (stayUp) {
    for (const [name, token] of Object.entries(tokens))
      writeFileSync(join(folder, `${name}.token`), token, { mode: 0o600 })
    for (const line of suggestions(folder)) report.text(line)
    await interrupted
  }
} finally {
  await daemon.stop()
  await provider.stop()
}
// In a deep checkout it was under /tmp.
if (folder !== '.demo') rmSync(folder, { recursive: true })
process.exitCode = report.failed === 0 ? 0 : 1

function suggestions(at: string): string[] {
  const bearerd = 'node dist/main.js'
  return [
    'Everything stays up until Ctrl-C. To try from another terminal, in this folder:',
    '',
    `  ${bearerd} auth-test --socket ${at}/auth-client --user alice@example.org < ${at}/alice.token`,
    `  ${bearerd} auth-test --socket ${at}/auth-client --user alice@example.org < ${at}/bob.token`,
    `  ${bearerd} lookup --config ${at}/bearerd.toml a.jones+news@example.org`,
    `  ${bearerd} check --config ${at}/bearerd.toml`,
    `  tail -f ${at}/bearerd.log`,
    '',
    'with Postfix and Dovecot installed, as root:',
    '',
    `  postmap -q alice@example.org socketmap:unix:${at === '.demo' ? '$PWD/.demo' : at}/map:mailbox`,
    `  doveadm auth lookup -a ${at === '.demo' ? '$PWD/.demo' : at}/auth-master alice@example.org`,
    '',
    `and edit ${at}/accounts.toml: bearerd reads it again at once, or says in the log why not.`,
  ]
}
