import { constants } from "node:os";

/** A stream of the terminal. */
export interface CliStream {
  write: (data: string | Uint8Array) => void;
  /** Resolves once most of what was written has been taken: whoever writes much awaits it, and holds little. */
  drained: () => Promise<void>;
  readonly isTTY: boolean;
  /** Cells of a line, as wide as the terminal is by now. */
  readonly columns: number;
  /** Lines of the screen, as high as the terminal is by now. */
  readonly rows: number;
}

/** What a command may touch of the world. */
export interface CliContext {
  stdout: CliStream;
  stderr: CliStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Fires on the first Ctrl-C or SIGTERM, with a {@link StopError} as its reason. */
  signal: AbortSignal;
  readStdin: () => Promise<string>;
  nowMs: () => number;
}

/** Exit codes; docs/cli.md says what each means. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unavailable: 3,
  refused: 4,
  timedOut: 5,
  interrupted: 130,
} as const;

/** The command was understood and did not succeed; the message is all there is to say. */
export class OperationError extends Error {
  override readonly name = "OperationError";
  /** What the command exits with. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The command line makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A signal of the system ended the command. */
export class StopError extends Error {
  override readonly name = "StopError";
  /** 128 and the signal's number, as shells have it. */
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`cannot finish: ${signal} came`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** What a command exits with that was ended by its signal. */
export function interruptedCode({ reason }: AbortSignal): number {
  return reason instanceof StopError ? reason.exitCode : exitCodes.interrupted;
}

/**
 * Whether text written to a stream may hold colours: on a terminal, unless NO_COLOR is set.
 *
 * FORCE_COLOR asks for them elsewhere too; NO_COLOR beats it, and `--no-color` sets that.
 */
export function colorsOf({ env }: CliContext, stream: CliStream): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return stream.isTTY && env.TERM !== "dumb";
}
