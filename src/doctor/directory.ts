/**
 * Directory: looks at one provider from the bottom up: what the configuration warns of, the way to its hosts, what it
 * publishes, its endpoints with made-up tokens, its clock.
 *
 * What isn't reached is not asked further. No login is tried: whether a good token would be taken, `explain-token`
 * tells.
 */
import type { DirectoryConfig, Method } from '../config/config.ts'
import { createTlsContext } from '../oidc/http.ts'
import { createProbe } from '../oidc/probe.ts'
import { checkClock } from './clock.ts'
import { checkIntrospection, checkTokeninfo, checkUserinfo } from './endpoints.ts'
import type { Finding } from './finding.ts'
import { createFindings } from './findings.ts'
import { checkKeys } from './keys.ts'
import { addressNeeded, checkMetadata } from './metadata.ts'
import { checkOrigin } from './network.ts'
import type { Visit } from './visit.ts'

/** `warnings`: what `check` says of this directory. Never rejects because of a provider. */
export async function examineDirectory(directory: DirectoryConfig, warnings: readonly string[]): Promise<Finding[]> {
  const findings = createFindings(`directory ${directory.name}`)
  for (const warning of warnings) findings.warn('configuration', warning)
  const probe = createProbe(directory)
  const skews: number[] = []
  const visit: Visit = {
    directory,
    findings,
    ask: async request => {
      const reply = await request(probe)
      if (reply.skewMs !== undefined) skews.push(reply.skewMs)
      return reply
    },
  }
  try {
    await examine(visit)
    checkClock(skews, directory.leewayMs, findings)
  } finally {
    await probe.close()
  }
  return [...findings.list]
}

async function examine(visit: Visit): Promise<void> {
  const { directory, findings } = visit
  const reach = { timeoutMs: directory.timeoutMs, secureContext: createTlsContext(directory) }
  const origins = new Map<string, Promise<boolean>>()
  const reached = (url: string): Promise<boolean> => {
    const { origin } = new URL(url)
    const known = origins.get(origin) ?? checkOrigin(origin, reach, findings)
    origins.set(origin, known)
    return known
  }

  const { issuer, endpoint } = directory
  const published = issuer !== undefined && (await reached(issuer)) ? await checkMetadata(issuer, visit) : {}
  for (const method of endpoint.methods) {
    const url = endpoint.urls[addressNeeded[method]] ?? published[addressNeeded[method]]
    if (url !== undefined && (await reached(url))) await checks[method](url, visit)
  }
}

const checks: Readonly<Record<Method, (url: string, visit: Visit) => Promise<void>>> = {
  jwt: checkKeys,
  introspect: checkIntrospection,
  tokeninfo: checkTokeninfo,
  userinfo: checkUserinfo,
}
