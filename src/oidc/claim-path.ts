/** Claim path: finds a claim by the name that an administrator gave it. PURE. */
import type { Claims } from './token-verdict.ts'

/**
 * A claim by its path. The whole path is tried as one name first, since names may hold dots themselves
 * ("https://example.com/email"); then dots reach into objects ("ext.email"). Null and empty text count as absent.
 */
export function claimAt(claims: Claims, path: string): unknown {
  const value = valueAt(claims, path)
  return value === null || value === '' ? undefined : value
}

/** As it was sent. */
export function valueAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}
