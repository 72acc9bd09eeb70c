/**
 * Mechanisms: those on offer, in the order of the MECH lines, which is the order in EHLO and CAPABILITY too. The
 * standard one first; clients that know both take it anyway. A table.
 */
import type { Mechanism } from './mechanism.ts'
import { oauthbearer } from './oauthbearer.ts'
import { xoauth2 } from './xoauth2.ts'

export const mechanisms: readonly Mechanism[] = [oauthbearer, xoauth2]
