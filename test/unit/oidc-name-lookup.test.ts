/**
 * Name lookup: a provider whose DNS is dead holds one thread, however many logins wait for it. The system's resolver is
 * replaced: it answers when a test says so.
 */
import assert from 'node:assert/strict'
import dns from 'node:dns'
import { type TestContext, test } from 'node:test'
import { createHttp } from '../../src/oidc/http.ts'
import { directory } from '../support/directory.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'

type Answer = (error: Error | null, addresses?: readonly { address: string; family: number }[]) => void

const local = [{ address: '127.0.0.1', family: 4 }]

/** The questions that are waiting for an answer, by host. */
function replaceResolver(t: TestContext) {
  const questions: { readonly host: string; readonly answer: Answer }[] = []
  t.mock.method(dns, 'lookup', (host: string, _: unknown, answer: Answer) => void questions.push({ host, answer }))
  return questions
}

async function open(t: TestContext) {
  const provider = await startFaultProvider()
  provider.answer(json({ sub: '1' }))
  const http = createHttp(directory())
  t.after(async () => {
    await http.close()
    await provider.stop()
  })
  const { port } = new URL(provider.origin)
  return (host: string) => http.fetch(`http://${host}:${port}/`, { method: 'GET', headers: {} })
}

test('many connections to one host are one question', async t => {
  const fetch = await open(t)
  const questions = replaceResolver(t)
  const asked = Array.from({ length: 20 }, () => fetch('idp.example.org'))
  await new Promise(setImmediate)
  assert.deepEqual(
    questions.map(({ host }) => host),
    ['idp.example.org'],
  )
  questions[0]?.answer(null, local)
  for (const { status } of await Promise.all(asked)) assert.equal(status, 200)
})

test('another host is another question, which need not wait for the first', async t => {
  const fetch = await open(t)
  const questions = replaceResolver(t)
  const dead = fetch('dead.example.org').catch(error => error.code)
  const live = fetch('live.example.org')
  await new Promise(setImmediate)
  questions.find(({ host }) => host === 'live.example.org')?.answer(null, local)
  assert.equal((await live).status, 200)
  questions.find(({ host }) => host === 'dead.example.org')?.answer(Object.assign(new Error(), { code: 'EAI_AGAIN' }))
  assert.equal(await dead, 'EAI_AGAIN')
})

test('an answer is for those who have waited: who comes later asks anew', async t => {
  const fetch = await open(t)
  const questions = replaceResolver(t)
  const first = fetch('idp.example.org').catch(error => error.code)
  await new Promise(setImmediate)
  questions[0]?.answer(Object.assign(new Error(), { code: 'ENOTFOUND' }))
  assert.equal(await first, 'ENOTFOUND')
  const second = fetch('idp.example.org')
  await new Promise(setImmediate)
  assert.equal(questions.length, 2)
  questions[1]?.answer(null, local)
  assert.equal((await second).status, 200)
})
