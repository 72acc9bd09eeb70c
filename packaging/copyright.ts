/**
 * /usr/share/doc/bearerd/copyright: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
 *
 * One paragraph for each npm package, with its own licence text, which names its holders; and Node's, with those of all
 * libraries in it. The build ends where a text is missing, or a licence isn't one of those below.
 */
import type { NpmPackage } from './modules.ts'
import type { NodeRuntime } from './node-runtime.ts'

/** May be given on, with binaries too, on no other condition than that text and holders are named. */
const allowed = new Set(['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'])

export type Own = { readonly licence: string; readonly year: number }

export function copyrightText(own: string, packages: readonly NpmPackage[], node: NodeRuntime): string {
  const paragraphs = [
    ['Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/', 'Upstream-Name: bearerd'].join('\n'),
    paragraph('*', holdersIn(own), 'MIT', own),
    ...packages.map(thirdParty),
    paragraph(
      'usr/lib/bearerd/bin/node',
      ['Node.js contributors', 'Joyent, Inc. and other Node contributors'],
      `node-${node.version}`,
      node.licence,
    ),
  ]
  return `${paragraphs.join('\n\n')}\n`
}

function thirdParty({ folder, name, version, licence, licenceText, author }: NpmPackage): string {
  if (!allowed.has(licence))
    throw new Error(`${name}@${version}: the licence "${licence}" isn't one that packaging/copyright.ts allows`)
  if (licenceText === '') throw new Error(`${name}@${version} comes without a licence's text`)
  const holders = holdersIn(licenceText)
  return paragraph(
    `usr/lib/bearerd/node_modules/${folder}/*`,
    holders.length > 0 ? holders : [author ?? `the authors of ${name}`],
    licence,
    licenceText,
  )
}

function paragraph(files: string, holders: readonly string[], licence: string, text: string): string {
  return [
    `Files: ${files}`,
    `Copyright: ${holders.join('\n ')}`,
    `License: ${licence}`,
    ...text.trim().split('\n').map(indented),
  ].join('\n')
}

/** Lines such as "Copyright (c) 2020 Somebody"; Apache's text has one with "[yyyy]" for others to fill in. */
function holdersIn(text: string): string[] {
  const lines = text.split('\n').map(line => line.trim())
  const holders = lines.filter(line => /^Copyright (?:\([cC]\)|©|\d{4}|[A-Z])|^\(c\) \d{4}/.test(line))
  const named = holders.filter(line => !/[[{]yyyy[\]}]|^Copyright (?:License|Notice|Owner|Holder)/.test(line))
  const names = named.map(line => line.replace(/^(?:Copyright )?(?:\([cC]\) |© )?/, '').trim())
  return [...new Set(names.filter(name => /\p{L}/u.test(name)))]
}

function indented(line: string): string {
  const text = line.trimEnd()
  return text === '' ? ' .' : ` ${text}`
}
