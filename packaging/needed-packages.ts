/**
 * Which Debian packages, from which version on, an executable needs: by the symbol versions of the C and C++ libraries that
 * it asks for, which stand in it as strings (a few that aren't asked for would only make the answer stricter).
 */
import type { Buffer } from 'node:buffer'

/** GLIBCXX_3.4.n → the first GCC whose libstdc++ has it: https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html */
const gccByMinor: readonly [minor: number, gcc: string][] = [
  [21, '5'],
  [22, '6'],
  [24, '7'],
  [25, '8'],
  [28, '9'],
  [29, '11'],
  [30, '12'],
  [32, '13'],
  [33, '14'],
]

export function neededPackages(executable: Buffer): string[] {
  const glibc = newest(executable, /GLIBC_2\.(\d+)/g)
  const libstdcxx = newest(executable, /GLIBCXX_3\.4\.(\d+)/g)
  const libgcc = newest(executable, /GCC_(\d+)\.0/g)
  const gcc = gccByMinor.find(([minor]) => libstdcxx <= minor)?.[1]
  if (glibc < 0 || libstdcxx < 0 || gcc === undefined || libgcc > 4)
    throw new Error("can't tell which libc6, libstdc++6 and libgcc-s1 Node needs: see packaging/needed-packages.ts")
  return [`libc6 (>= 2.${glibc})`, 'libgcc-s1 (>= 4.2)', `libstdc++6 (>= ${gcc})`]
}

function newest(executable: Buffer, version: RegExp): number {
  let newest = -1
  for (const [, minor] of executable.toString('latin1').matchAll(version)) newest = Math.max(newest, Number(minor))
  return newest
}
