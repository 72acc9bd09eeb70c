/** TLS: `tls.*` of a directory: whom bearerd trusts to be the provider, and the certificate by which it shows itself. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { DirectoryConfig } from './config.ts'
import { type Folders, findCredential, openToAll, readText } from './files.ts'
import type { Report } from './report.ts'
import type { RawDirectory } from './schema.ts'

type RawTls = RawDirectory['tls']
type Pem = { readonly file: string; readonly text: string; readonly mode: number }

/** `report` begins at `tls`. The files are looked at now, so that a bad one isn't found out by the first login. */
export async function readTls(raw: RawTls, folders: Folders, report: Report): Promise<DirectoryConfig['tls']> {
  const read = async (key: keyof RawTls): Promise<Pem | undefined> => {
    const name = raw[key]
    if (name === undefined) return undefined
    const file = await findCredential(name, folders)
    const found = await readText(file)
    if (found.ok) return { file, text: found.text, mode: found.mode }
    report.error([key], found.message)
    return undefined
  }
  const [ca, cert, key] = [await read('ca-file'), await read('cert-file'), await read('key-file')]
  checkCa(ca, report)
  checkPair(cert, key, report)
  if (raw['cert-file'] === undefined && raw['key-file'] !== undefined)
    report.error(['cert-file'], 'needed: tls.cert-file and tls.key-file go together')
  if (raw['key-file'] === undefined && raw['cert-file'] !== undefined)
    report.error(['key-file'], 'needed: tls.cert-file and tls.key-file go together')
  return { caFile: ca?.file, certFile: cert?.file, keyFile: key?.file }
}

/** Of a CA file without certificates, node:tls would make an empty list and say nothing. */
function checkCa(ca: Pem | undefined, report: Report): void {
  if (ca !== undefined && attempt(() => new X509Certificate(ca.text)) === undefined)
    report.error(['ca-file'], `${ca.file} does not begin with a certificate in PEM`)
}

function checkPair(certFile: Pem | undefined, keyFile: Pem | undefined, report: Report): void {
  const cert = certFile && attempt(() => new X509Certificate(certFile.text))
  const key = keyFile && attempt(() => createPrivateKey(keyFile.text))
  if (certFile !== undefined && cert === undefined)
    report.error(['cert-file'], `${certFile.file} does not begin with a certificate in PEM`)
  if (keyFile === undefined) return
  if (key === undefined) report.error(['key-file'], `${keyFile.file} is no private key in PEM without passphrase`)
  else if (cert?.checkPrivateKey(key) === false)
    report.error(['key-file'], `${keyFile.file} is not the key of the certificate in ${certFile?.file}`)
  const warning = openToAll(keyFile.mode)
  if (warning !== undefined) report.warn(['key-file'], `${keyFile.file} is ${warning}`)
}

/** OpenSSL's own words are not repeated: they name its functions, not causes. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
