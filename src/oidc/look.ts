/** Look: one token under way in a provider, and how a failure on that way is told: once, and while it still matters. */
import type { Method } from '../config/config.ts'
import { describe, type Health } from './health.ts'
import type { Observe, Step } from './token-verdict.ts'

export type Look = {
  readonly token: string
  readonly observe: Observe | undefined
  /** Those that have had their say. */
  readonly methods: Method[]
  /** There is a verdict: whatever comes now changes nothing. */
  isOver: boolean
}

export type Unavailable = { readonly kind: 'unavailable' }
export const unavailable: Unavailable = { kind: 'unavailable' }

/** `request` says what was asked of whom. */
export function failed(look: Look, check: string, request: string, error: unknown, health: Health): Unavailable {
  if (look.isOver) return unavailable
  look.observe?.(faultStep(check, request, error))
  health.failing(request, error)
  return unavailable
}

export function faultStep(check: string, request: string, error: unknown): Step {
  const { cause, cure } = describe(request, error)
  return { check, outcome: 'failed', seen: cause, cure }
}
