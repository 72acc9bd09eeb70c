/**
 * Provider: the tests' OpenID provider, in a container. It is started there by the packaged Node:
 *
 *   node nspawn-provider.ts KEY CERTIFICATE FILE
 *
 * It writes where it is and tokens of some users to the file, as JSON, and runs until it is stopped. Introspection is
 * served under TLS too, at port 9443.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createServer } from 'node:tls'
import { startProvider } from '../support/provider.ts'

export type Provided = {
  readonly issuer: string
  /** By address. */
  readonly tokens: Readonly<Record<string, string>>
}

const providerPort = 9080
const users = ['alice', 'bob', 'carol', 'dora', 'stranger'].map(name => `${name}@example.org`)

const [key = '', certificate = '', file = ''] = process.argv.slice(2)

const provider = await startProvider({ port: providerPort })
const tokens = Object.fromEntries(await Promise.all(users.map(async user => [user, await provider.token(user)])))
const tls = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, client => {
  const server = connect(providerPort, '127.0.0.1')
  client.pipe(server).pipe(client)
  for (const socket of [client, server]) socket.on('error', () => {})
})
tls.listen(9443, '127.0.0.1', () => {
  writeFileSync(`${file}.new`, JSON.stringify({ issuer: provider.issuer, tokens } satisfies Provided))
  renameSync(`${file}.new`, file)
})
