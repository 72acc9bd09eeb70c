/**
 * Mechanisms: those on offer, in the order of the MECH lines, which is the order in EHLO and CAPABILITY too. Tokens first,
 * and of those the standard one; of passwords too. Clients that know several take the best they can anyway. A table.
 */
import { login } from './login.ts'
import type { Mechanism } from './mechanism.ts'
import { oauthbearer } from './oauthbearer.ts'
import { plain } from './plain.ts'
import { xoauth2 } from './xoauth2.ts'

export const tokenMechanisms: readonly Mechanism[] = [oauthbearer, xoauth2]
export const passwordMechanisms: readonly Mechanism[] = [plain, login]
export const mechanisms: readonly Mechanism[] = [...tokenMechanisms, ...passwordMechanisms]
