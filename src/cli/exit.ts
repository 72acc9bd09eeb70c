/** Exit codes of every command (sysexits.h where it has one). A table. */
export const exit = {
  done: 0,
  /** The answer is no. */
  no: 1,
  /** EX_USAGE: the command line is wrong. */
  usage: 64,
  /** EX_UNAVAILABLE: a daemon or provider can't be reached. */
  unavailable: 69,
  /** EX_CONFIG: the configuration or an account file is wrong. */
  config: 78,
} as const
