/** `bearerd explain-token`: what it takes, what it shows, and that it changes nothing. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { rejectReasons } from '../../src/auth/reason.ts'
import { explainDecision } from '../../src/cli/explain-decision.ts'
import { indexOf } from '../support/accounts.ts'
import { loadText, minimal } from '../support/config.ts'
import { assertHidden, failedCheck, readExplanation, runExplain, type Site } from '../support/explain.ts'
import { type FaultProvider, json, startFaultProvider, text } from '../support/fault-provider.ts'
import { byKeys, introspection, jwks, jwt } from '../support/reason-scenarios.ts'

const token = 'ory_at_nobody-may-see-this-token_0123456789'

async function start(t: TestContext): Promise<FaultProvider> {
  const provider = await startFaultProvider()
  t.after(provider.stop)
  provider.answer(json({ active: true, sub: '1', email: 'alice@example.org', aud: 'wiki' }))
  provider.answerAt('/jwks', json(jwks))
  return provider
}

const site = ({ origin }: FaultProvider, more = ''): Site => ({
  config: `[directory.main]\n${introspection(more)(origin)}`,
})

describe('the token on standard input', () => {
  it('may have blanks around it, and "Bearer" before it, which is said', async t => {
    const provider = await start(t)
    for (const [input, note] of [
      [`  ${token}\r\n`, ''],
      [`Bearer ${token}`, '"Bearer" before the token was left out\n'],
      [`Authorization: Bearer ${token}\n`, '"Authorization: Bearer" before the token was left out\n'],
    ] as const) {
      const { code, error } = await runExplain(t, site(provider), input)
      assert.deepEqual([code, error], [0, note])
    }
    assert.deepEqual(new Set(provider.asked.map(({ headers }) => headers.authorization)), new Set([`Bearer ${token}`]))
  })
  it('is complained of where it was copied together with something, and nothing is asked', async t => {
    const provider = await start(t)
    for (const [input, complaint] of [
      ['', /^There is no token on standard input\./],
      ['Bearer ', /^There is no token on standard input\./],
      [`"${token}"`, /^There is a token in quotes on standard input\. Leave the quotes out\.$/m],
      [`${token.slice(0, 20)}\n${token.slice(20)}`, /^There is more than one line.*join them\.$/m],
      [`${token.slice(0, 20)} ${token.slice(20)}`, /^There is a blank within the token/],
      [`{"access_token":"${token}","expires_in":60}`, /^There is JSON .* the value of "access_token" alone\.$/m],
      ['x'.repeat(70_000), /^There is more than 65536 bytes/],
    ] as const) {
      const { code, output, error } = await runExplain(t, site(provider), input)
      assert.deepEqual([code, output], [64, ''], input)
      assert.match(error, complaint)
      assertHidden(error, token)
    }
    assert.deepEqual(provider.asked, [])
  })
  it('is measured as the daemon measures it', async t => {
    const provider = await start(t)
    const long = { config: `limits.token-size = "1KiB"\n${site(provider).config}` }
    const shown = await runExplain(t, long, 'x'.repeat(1025), { json: true })
    const { reason, steps } = readExplanation(shown, 'x'.repeat(1025))
    assert.deepEqual([reason, steps[0]?.seen], ['malformed', 'the token is longer than 1024 bytes'])
    assert.deepEqual(provider.asked, [])
  })
})

describe('an explanation', () => {
  it('in words has a line for each check, the cure below what fails, and ends with what to do', async t => {
    const provider = await start(t)
    const { code, output } = await runExplain(t, site(provider, 'require.audience = "mail"'), token)
    const lines = output.trimEnd().split('\n')
    const { cure } = rejectReasons.wrong_audience
    assert.equal(code, 1)
    assert.equal(lines[0], 'ok    accounts       2 loaded')
    const at = lines.indexOf('FAIL  audience       "wiki"; expected: one of "mail"')
    assert.equal(lines[at + 1], `        ${cure}`)
    assert.equal(lines.at(-3), 'refused: wrong_audience (directory main, by introspect)')
    assert.equal(lines.at(-1), `What to do: ${cure}`)
  })
  it('looks as docs/howto/login-refused.md shows it', async t => {
    const [, , shown = ''] = readFileSync('docs/howto/login-refused.md', 'utf8').split('```console\n')
    const [, , ...lines] = shown.slice(0, shown.indexOf('```')).trimEnd().split('\n')
    const provider = await start(t)
    provider.answer(json({ active: true, sub: '1', email: 'alice@example.org', aud: 'wiki', client_id: 'thunderbird' }))
    const run = await runExplain(t, site(provider, 'require.audience = "mail"'), `${'x'.repeat(43)}\n`, {
      user: 'alice@example.org',
    })
    assert.equal(run.output.replace(new URL(provider.origin).host, 'accounts.example.org'), `${lines.join('\n')}\n`)
  })
  it('in JSON is one object', async t => {
    const provider = await start(t)
    const shown = await runExplain(t, site(provider), token, { json: true, user: 'a.jones@example.org' })
    const { steps, meaning, cure, ...rest } = readExplanation(shown, token)
    const accepted = { verdict: 'accept', reason: 'ok', account: 'alice@example.org' }
    assert.deepEqual(rest, { ...accepted, directory: 'main', source: 'introspect' })
    assert.equal(shown.output.trimEnd().split('\n').length, 1)
    assert.deepEqual(
      steps.map(({ check }) => check),
      [
        'accounts',
        'token',
        'directory',
        'introspect',
        'expiry',
        'not before',
        'kind of token',
        'issuer',
        'audience',
        'client',
        'scopes',
        'gates',
        'account',
        'name asked for',
        'enabled',
      ],
    )
  })
  it('names everything that is wrong with the claims, and the log has the first', async t => {
    const provider = await start(t)
    const more = 'require.audience = "mail"\nrequire.clients = "thunderbird"\nrequire.scopes = "mail"'
    const { steps, reason } = readExplanation(await runExplain(t, site(provider, more), token, { json: true }), token)
    const failed = steps.filter(({ outcome }) => outcome === 'failed')
    assert.equal(reason, 'wrong_audience')
    assert.deepEqual(
      failed.map(({ check }) => check),
      ['audience', 'client', 'scopes'],
    )
    assert.equal(new Set(failed.map(({ cure }) => cure)).size, 3, 'each with its own cure')
  })
  it('holds no piece of the token that a provider sends back', async t => {
    const provider = await start(t)
    const echo = { active: true, sub: token, email: `${token}@example.org`, aud: [token.slice(5)], [token]: 1 }
    provider.answer(json(echo))
    const { output } = await runExplain(t, site(provider, 'require.audience = "mail"'), token)
    assertHidden(output, token)
    assert.match(output, /<token>/)
  })
  it('of a provider that does not answer ends with the cure of that', async t => {
    const provider = await start(t)
    provider.answer(text('', 404))
    const { code, output } = await runExplain(t, site(provider), token)
    assert.equal(code, 69)
    assert.match(output, /^FAIL {2}introspect .*there is no such endpoint \(HTTP 404\)$/m)
    assert.match(output, /\nWhat to do: Check "issuer", and each "endpoint\.…url" that you have set\.\n$/)
  })
})

describe('a cause is told truly', () => {
  it('of a JWT that its provider refuses without a word, by what the JWT says of itself', async t => {
    const provider = await start(t)
    provider.answer(json({ active: false }))
    for (const [claims, header, like] of [
      [{ exp: 1 }, {}, 'token_expired'],
      [{ nbf: 2 ** 33 }, {}, 'token_not_yet_valid'],
      [{ c_hash: 'x' }, {}, 'not_an_access_token'],
      [{ typ: 'Refresh' }, {}, 'refresh_token'],
      [{ sub: 'backup', client_id: 'backup' }, {}, 'machine_token'],
      [{ iss: `${provider.origin}/` }, {}, 'wrong_issuer'],
    ] as const) {
      const refused = jwt(claims, header)(provider.origin)
      const config = { config: `[directory.main]\nissuer = "${provider.origin}"\n${introspection()(provider.origin)}` }
      const { reason, steps, cure } = readExplanation(await runExplain(t, config, refused, { json: true }), refused)
      assert.deepEqual([reason, steps.at(-1)?.check, cure], ['token_refused', 'token itself', rejectReasons[like].cure])
    }
  })
  it('of another JWT that its provider refuses: there is nothing to add', async t => {
    const provider = await start(t)
    provider.answer(json({ active: false }))
    const refused = jwt({ aud: 'wiki' })(provider.origin)
    const { steps, cure } = readExplanation(await runExplain(t, site(provider), refused, { json: true }), refused)
    assert.deepEqual([steps.at(-1)?.check, cure], ['introspect', rejectReasons.token_refused.cure])
  })
  it('of a key that nobody knows, also where keys may be fetched again only after "timeout"', async t => {
    const provider = await start(t)
    const config = `[directory.main]\n${byKeys(provider.origin)}timeout = "1s"\n`
    const forged = jwt({}, { kid: 'k9' })(provider.origin)
    assert.equal(readExplanation(await runExplain(t, { config }, forged, { json: true }), forged).reason, 'unknown_key')
  })
  it('of a fault of our own, with where it happened and without what it says', async t => {
    const provider = await start(t)
    const { config } = await loadText(t, minimal + site(provider).config)
    const fails = (): never => {
      throw new TypeError(token)
    }
    assert.ok(config)
    const index = { ...indexOf([]), byName: fails }
    const explanation = await explainDecision(config, index, { token, user: undefined })
    assert.deepEqual([explanation.reason, failedCheck(explanation)], ['internal_error', 'fault'])
    assert.match(JSON.stringify(explanation.steps), /TypeError, at /)
    assertHidden(JSON.stringify(explanation), token)
  })
})

describe('without a name asked for', () => {
  it('the issuer that a JWT names picks the directory', async t => {
    const [one, two] = [await start(t), await start(t)]
    const config = [one, two].map(
      ({ origin }, at) => `[directory.d${at}]\ndomains = ["d${at}.example"]\n${byKeys(origin)}`,
    )
    const accounts = '[[account]]\naddress = "alice@example.org"\ndirectory = "d1"\n'
    const shown = await runExplain(t, { config: config.join('\n'), accounts }, jwt()(two.origin), { json: true })
    const { directory, verdict } = readExplanation(shown, jwt()(two.origin))
    assert.deepEqual([directory, verdict], ['d1', 'accept'])
  })
})

describe('nothing is changed', () => {
  const files = ['accounts.jsonl', 'accounts.toml', 'bearerd.toml']

  it('an account would be created', async t => {
    const provider = await start(t)
    provider.answer(json({ active: true, sub: '2', email: 'new@example.org' }))
    const config = `accounts.unknown = "create"\n${site(provider).config}`
    const shown = await runExplain(t, { config }, token, { json: true })
    const { verdict, account, steps } = readExplanation(shown, token)
    assert.deepEqual([verdict, account], ['accept', 'new@example.org'])
    assert.match(steps.at(-1)?.seen ?? '', /^would be created/)
    assert.deepEqual(shown.files, files)
  })
  it('or why it would not', async t => {
    const provider = await start(t)
    provider.answer(json({ active: true, sub: '2', email: 'new@elsewhere.example' }))
    const config = `accounts.unknown = "create"\n${site(provider).config}`
    const explanation = readExplanation(await runExplain(t, { config }, token, { json: true }), token)
    assert.deepEqual([explanation.reason, failedCheck(explanation)], ['unknown_account', 'account'])
    assert.match(explanation.cure, /"accounts\.create\.domains"/)
  })
  it('a binding would be made, and one that there is counts', async t => {
    const provider = await start(t)
    const bind = site(provider, 'bind = "first-login"')
    const first = await runExplain(t, bind, token, { json: true })
    assert.equal(readExplanation(first, token).steps.at(-1)?.seen, 'would be bound to the subject "1"')
    assert.deepEqual(first.files, files)
    const line = { account: 'alice@example.org', directory: 'main', subject: '2', bound: '2026-01-31T12:00:00Z' }
    const bound = { ...bind, files: { 'bindings.jsonl': `${JSON.stringify(line)}\n` } }
    assert.equal(readExplanation(await runExplain(t, bound, token, { json: true }), token).reason, 'subject_mismatch')
  })
  it('keys that were fetched are not kept', async t => {
    const provider = await start(t)
    const config = `[directory.main]\n${byKeys(provider.origin)}`
    const { code, files: left } = await runExplain(t, { config }, jwt()(provider.origin))
    assert.deepEqual([code, left], [0, files])
  })
  it('those that the daemon has kept are used while the issuer is down', async t => {
    const provider = await start(t)
    provider.answerAt('/jwks', text('', 503))
    const config = `[directory.main]\n${byKeys(provider.origin)}`
    const without = await runExplain(t, { config }, jwt()(provider.origin))
    assert.equal(without.code, 69)
    assert.match(without.output, /^FAIL {2}signature .*the provider has failed \(HTTP 503\)$/m)
    const kept = JSON.stringify({ issuer: provider.origin, fetched: new Date().toISOString(), ...jwks })
    const site = { config, files: { keys: undefined, 'keys/main.json': kept } }
    assert.equal((await runExplain(t, site, jwt()(provider.origin))).code, 0)
  })
})

describe('what cannot be explained', () => {
  it('is a configuration with errors (78)', async t => {
    const write = t.mock.method(process.stderr, 'write', () => true)
    const { code, output } = await runExplain(t, { config: 'isuer = "x"\n' }, token)
    assert.deepEqual([code, output], [78, ''])
    assert.match(write.mock.calls.map(({ arguments: [text] }) => text).join(''), /isuer: unknown key/)
  })
  it('or account files with errors (78), which are named', async t => {
    const provider = await start(t)
    const { code, error, output } = await runExplain(t, { ...site(provider), accounts: 'x = 1\n' }, token)
    assert.equal(code, 78)
    assert.match(error, /^accounts\.toml:1: error: /)
    assert.match(output, /^no verdict: accounts_unavailable$/m)
    assert.deepEqual(provider.asked, [])
  })
})
