/**
 * Accounts from JSON Lines: one account a line, in the spelling of the account file. PURE.
 *
 * Keys and values are taken as they stand; what is wrong with them is found when the result is checked.
 */
import { isTable } from '../accounts/fields.ts'
import type { AccountRow, Imported, RowComplaint } from '../accounts/merge.ts'

export function readJsonlAccounts(text: string): Imported {
  const accounts: AccountRow[] = []
  const complaints: RowComplaint[] = []
  for (const [index, row] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = index + 1
    if (row.trim() === '') continue
    const value = parseJson(row)
    if (isTable(value)) {
      const { address, ...set } = value
      if (typeof address === 'string') accounts.push({ line, address, patch: { set } })
      else complaints.push({ line, path: 'address', message: 'expected an address such as "alice@example.org"' })
    } else complaints.push({ line, message: 'expected one JSON object on the line' })
  }
  return { accounts, aliases: [], complaints, notes: [] }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
