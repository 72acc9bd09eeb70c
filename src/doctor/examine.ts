/**
 * Examine: all that `bearerd doctor` looks at: providers side by side, then the sockets and the mail servers. What
 * comes of it is in the order of bearerd.toml.
 */
import { readTokenSizes, tokenSizesFile } from '../auth/token-sizes.ts'
import type { Config, DirectoryConfig } from '../config/config.ts'
import { examineDirectory } from './directory.ts'
import { type Dovecot, examineDovecot, expanded, readDovecot } from './dovecot.ts'
import type { Finding } from './finding.ts'
import { createFindings } from './findings.ts'
import { examinePostfix } from './postfix.ts'
import { type Postfix, readPostfix } from './postfix-settings.ts'
import { examineSocket, type MailUsers } from './sockets.ts'
import { findUser } from './system-user.ts'

/** `warningsOf`: what `check` says of a directory. */
export async function examineDirectories(
  directories: readonly DirectoryConfig[],
  warningsOf: (directory: DirectoryConfig) => readonly string[],
): Promise<Finding[]> {
  const all = await Promise.all(directories.map(directory => examineDirectory(directory, warningsOf(directory))))
  return all.flat()
}

export async function examineServers(config: Config): Promise<Finding[]> {
  const [postfix, dovecot] = await Promise.all([readPostfix(), readDovecot()])
  const users = await findMailUsers(postfix, dovecot)
  const sockets = await Promise.all(config.listeners.map(listener => examineSocket(listener, users)))
  const sizes = [...(await readTokenSizes(tokenSizesFile(config.stateDir))).values()]
  const largest = sizes.length === 0 ? undefined : Math.max(...sizes)
  return [
    ...sockets.flat(),
    ...(typeof postfix === 'string' ? skipped('Postfix', postfix) : examinePostfix(postfix, config, largest)),
    ...(typeof dovecot === 'string' ? skipped('Dovecot', dovecot) : examineDovecot(dovecot, config, largest)),
  ]
}

/**
 * Postfix's processes are members of all groups of their user (chroot_uid.c); Dovecot's login processes only of her
 * own, and of their service's extra_groups (service-process.c: drop_privileges).
 */
async function findMailUsers(postfix: Postfix | string, dovecot: Dovecot | string): Promise<MailUsers> {
  const owner = typeof postfix === 'string' ? undefined : postfix.main.get('mail_owner')
  const login = typeof dovecot === 'string' ? undefined : expanded(dovecot, 'default_login_user')
  const extra = typeof dovecot === 'string' ? '' : expanded(dovecot, 'service/imap-login/extra_groups')
  return {
    postfix: owner ? await findUser(owner, 'all') : undefined,
    dovecot: login
      ? await findUser(
          login,
          extra.split(/[\s,]+/).filter(name => name !== ''),
        )
      : undefined,
  }
}

function skipped(subject: string, why: string): readonly Finding[] {
  const findings = createFindings(subject)
  findings.skip('settings', why)
  return findings.list
}
