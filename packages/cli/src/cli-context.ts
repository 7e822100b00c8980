/** A stream of the terminal. */
export interface CliStream {
  write: (data: string | Uint8Array) => void;
  isTTY: boolean;
  columns: number;
}

/** What a command may touch of the world. */
export interface CliContext {
  stdout: CliStream;
  stderr: CliStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Fires on the first Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  readStdin: () => Promise<string>;
  nowMs: () => number;
}

/** Exit codes. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command was understood and did not succeed; the message is all there is to say. */
export class OperationError extends Error {
  override readonly name = "OperationError";
}

/** The command line makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Whether text written to a stream may hold colours: on a terminal, unless NO_COLOR is set. */
export function colorsOf({ env }: CliContext, stream: CliStream): boolean {
  return stream.isTTY && !env.NO_COLOR && env.TERM !== "dumb";
}
