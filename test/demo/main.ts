/**
 * The demo, `npm start`: bearerd as it is delivered, with sample files, beside a real OpenID provider; what it answers to
 * Dovecot's and Postfix's questions, as expected or not. Then it stays up, to be tried by hand, until Ctrl-C.
 *
 * `npm start -- --once` ends instead. Exit code 0 if everything came out as expected, else 1.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { introspectors, startProvider } from '../support/provider.ts'
import { createReport } from './report.ts'
import {
  type Stage,
  showDown,
  showExplained,
  showLogins,
  showNewcomer,
  showPasswords,
  showRecipients,
  showRefused,
  signIn,
} from './scenes.ts'
import { explain, makeFolder, runCommand, startDaemon, writeSample } from './stage.ts'

const stayUp = !process.argv.includes('--once')
const interrupted = new Promise(resolve => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, resolve)
})

const report = createReport()
const folder = makeFolder()
const provider = await startProvider()
writeSample(folder, { issuer: provider.issuer, secret: introspectors.basic.secret })

report.heading('bearerd, with a provider and accounts of its own')
report.fact('provider', `${provider.issuer}, a real one (oidc-provider)`)
report.fact('daemon', `node dist/main.js serve --config ${folder}/bearerd.toml`)
report.fact('accounts', `${folder}/accounts.toml`)
report.fact('log', `${folder}/bearerd.log`)

const daemon = await startDaemon(folder).catch((error: Error) => {
  report.text(`\n${error.message}`)
  process.exit(1)
})
try {
  const change = async (event: string, ...args: readonly string[]): Promise<string> => {
    const noticed = daemon.next(event)
    const printed = await runCommand(folder, args)
    await noticed
    return printed
  }
  const stage: Stage = {
    folder,
    provider,
    report,
    change,
    explain: (user, token) => explain(folder, user, token),
  }
  await showLogins(stage)
  await showRefused(stage)
  await showExplained(stage)
  await showDown(stage)
  await showPasswords(stage)
  await showRecipients(stage)
  await showNewcomer(stage)
  const { passed, failed } = report
  report.heading(failed === 0 ? `All ${passed} as expected.` : `${failed} of ${passed + failed} not as expected.`)
  if (stayUp) {
    await writeTokens(stage)
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

/** Good for a day, so that they outlive a lunch break. */
async function writeTokens(stage: Stage): Promise<void> {
  for (const who of ['alice@example.org', 'bob@example.org', 'carol@example.net']) {
    const token = await signIn(stage, who, { ttlSeconds: 24 * 3600 })
    writeFileSync(join(folder, `${who.replace(/@.*/, '')}.token`), token, { mode: 0o600 })
  }
}

function suggestions(at: string): string[] {
  const bearerd = 'node dist/main.js'
  const absolute = at === '.demo' ? '$PWD/.demo' : at
  return [
    '',
    'Daemon and provider stay up until Ctrl-C. To try, from another terminal in this folder:',
    '',
    `  ${bearerd} auth-test --socket ${at}/auth-client --user alice@example.org < ${at}/alice.token`,
    `  ${bearerd} auth-test --socket ${at}/auth-client --user alice@example.org < ${at}/bob.token`,
    `  ${bearerd} explain-token --config ${at}/bearerd.toml --user alice@example.org < ${at}/bob.token`,
    `  ${bearerd} app-password create --config ${at}/bearerd.toml bob@example.org --label phone`,
    `  ${bearerd} account list --config ${at}/bearerd.toml`,
    `  ${bearerd} lookup --config ${at}/bearerd.toml a.jones+news@example.org`,
    `  ${bearerd} check --config ${at}/bearerd.toml`,
    `  ${bearerd} doctor --config ${at}/bearerd.toml`,
    '',
    'With Postfix or Dovecot installed, as root:',
    '',
    `  postmap -q alice@example.org socketmap:unix:${absolute}/map:mailbox`,
    `  doveadm user -a ${absolute}/auth-master dora@example.org`,
    '',
    `And edit ${at}/accounts.toml: it is read again within a second, and the log says so, or why not.`,
  ]
}
