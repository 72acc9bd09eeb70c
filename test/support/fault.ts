/**
 * A fault at the n-th change that a process makes in a folder. Loaded before the program (`start` in faulty.ts).
 *
 * Changes are counted where Node is asked for them: what node:fs/promises, FileHandle and the callbacks of node:fs do to
 * files below the folder. Reading is no change, so that kills at each of them leave every state on disk that there is.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'

export type Fault = {
  /**
   * Kill the process before the change, or in the middle where that is a write; stop it before the change until
   * descriptor 3 is ended at the other side; or fail with this error, where it is a write in the middle too.
   */
  readonly how: 'kill' | 'stop' | 'ENOSPC' | 'EIO'
  /** The first change is 1. */
  readonly at: number
  /** Only changes of this name count, or all. */
  readonly only?: string | undefined
  readonly folder: string
}

type Operation = (this: unknown, ...args: unknown[]) => unknown

const { how, at, only, folder }: Fault = JSON.parse(process.env.FAULT ?? '{}')
const handles = new WeakSet<object>()
let changes = 0

/** Says on descriptor 3 that the fault comes now. False where the change is to go on. */
function isDue(name: string): boolean {
  if ((only !== undefined && name !== only) || ++changes !== at) return false
  fs.writeSync(3, name)
  // Not by SIGSTOP: a SIGCONT that came before it would wake nobody.
  if (how === 'stop') fs.readSync(3, new Uint8Array(1))
  return how !== 'stop'
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function fail(name: string, path: unknown): NodeJS.ErrnoException {
  const named = typeof path === 'string' ? { path } : {}
  return Object.assign(new Error(`${how}: injected, ${name}`), { code: how, syscall: name, ...named })
}

const makesFile = (flags: unknown): boolean =>
  typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /^[wa]/.test(String(flags))
const isInside = (path: unknown): boolean => typeof path === 'string' && path.startsWith(folder)

function replace(object: object, name: string, make: (old: Operation) => Operation): void {
  const old: unknown = Reflect.get(object, name)
  if (typeof old !== 'function') throw new Error(`there is no ${name}`)
  Reflect.set(
    object,
    name,
    make((...args) => Reflect.apply(old, object, args)),
  )
}

/** `half` does as much of the change as is done when it breaks off. */
function breakOff(name: string, path: unknown, half: () => unknown): Promise<never> {
  return Promise.resolve(half()).then(() => {
    if (how === 'kill') die()
    throw fail(name, path)
  })
}

const changing =
  'appendFile chmod chown copyFile link mkdir mkdtemp rename rm rmdir symlink truncate unlink utimes writeFile'
for (const name of changing.split(' '))
  replace(fs.promises, name, old => (...args) => {
    if (!args.slice(0, 2).some(isInside) || !isDue(name)) return old(...args)
    return breakOff(name, args[0], () => {})
  })

replace(fs.promises, 'open', old => async (...args) => {
  if (isInside(args[0]) && makesFile(args[1]) && isDue('open')) return breakOff('open', args[0], () => {})
  const handle = await old(...args)
  if (typeof handle === 'object' && handle !== null && isInside(args[0])) handles.add(handle)
  return handle
})

for (const name of ['mkdir', 'rmdir', 'unlink', 'utimes'])
  replace(fs, name, old => (...args) => {
    if (!isInside(args[0]) || !isDue(name)) return old(...args)
    const done = args.at(-1)
    if (how === 'kill') die()
    if (typeof done === 'function') process.nextTick(() => done(fail(name, args[0])))
  })

const probe = await fs.promises.open('/dev/null')
const prototype: object = Object.getPrototypeOf(probe)
await probe.close()
for (const name of [
  'appendFile',
  'chmod',
  'chown',
  'datasync',
  'sync',
  'truncate',
  'utimes',
  'write',
  'writeFile',
  'writev',
]) {
  const old: unknown = Reflect.get(prototype, name)
  if (typeof old !== 'function') throw new Error(`there is no FileHandle.${name}`)
  Reflect.set(prototype, name, function (this: object, ...args: unknown[]): unknown {
    const go = (given: unknown[]): unknown => Reflect.apply(old, this, given)
    if (!handles.has(this) || !isDue(name)) return go(args)
    const [bytes, offset, length, ...rest] = args
    const half =
      name === 'write' && typeof length === 'number' ? [bytes, offset, Math.floor(length / 2), ...rest] : undefined
    return breakOff(name, undefined, () => half && go(half))
  })
}

// What waits a second or more waits for a running daemon to read along, and there is none.
const { setTimeout: pause } = timers
timers.setTimeout = ((ms: number, ...rest: unknown[]) =>
  Reflect.apply(pause, undefined, [ms < 1_000 ? ms : 0, ...rest])) as typeof timers.setTimeout

syncBuiltinESMExports()
