/**
 * Clock: time stands still but for what a test lets pass. setTimeout and performance.now() follow it, setImmediate and
 * promises don't.
 */
import type { TestContext } from 'node:test'

export type Clock = { pass(ms: number): void }

export function stopClock({ mock }: Pick<TestContext, 'mock'>): Clock {
  let now = 0
  mock.timers.enable({ apis: ['setTimeout'] })
  mock.method(performance, 'now', () => now)
  return {
    pass: ms => {
      now += ms
      mock.timers.tick(ms)
    },
  }
}
