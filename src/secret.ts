/**
 * Secret: a string that does not print.
 *
 * Client secrets and private keys are wrapped as soon as they are read, so that a log line, an error message,
 * `JSON.stringify` or `util.inspect` of anything that holds one shows `[secret]`. Only `reveal()` gives the text.
 */
import { inspect } from 'node:util'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
