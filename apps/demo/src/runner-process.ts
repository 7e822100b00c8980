import { type ChildProcess, spawn } from "node:child_process";

/** How a runner is started. */
export interface RunnerCommand {
  program: string;
  args: readonly string[];
  /** Folder to start it in. Default: this process's. */
  cwd?: string;
  /** Variables of its environment, beside those of this process. */
  env?: Readonly<Record<string, string>>;
}

const KEPT_LINES = 20;
const STOP_GRACE_MS = 5_000;

/**
 * A runner in a process of its own, in any language: it says `ready` when it is.
 *
 * I1. Whoever starts one stops it: `stop` ends with the process gone, by SIGTERM or, after a grace period, by SIGKILL.
 */
export class RunnerProcess implements AsyncDisposable {
  readonly #command: RunnerCommand;
  readonly #lastLines: string[] = [];
  readonly #exited = Promise.withResolvers<void>();
  #child: ChildProcess | undefined;

  constructor(command: RunnerCommand) {
    this.#command = command;
  }

  /** Starts the process and waits until it says that it is ready. Errors: when it exits instead. */
  async start(): Promise<void> {
    if (this.#child) return;
    const { program, args, cwd, env } = this.#command;
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
    });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#lastLines.push(...text.split("\n").filter((line) => line.trim() !== ""));
        this.#lastLines.splice(0, this.#lastLines.length - KEPT_LINES);
        if (/\bready\b/.test(text)) ready.resolve();
      });
    }
    child.once("error", ready.reject);
    child.once("exit", (code, signal) => {
      ready.reject(new Error(`cannot start a runner: it exited with ${signal ?? code}\n${this.lastLines}`));
      this.#exited.resolve();
    });
    await ready.promise;
  }

  /** Process id; undefined before the start. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the process runs. */
  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process has ended, for whatever reason. */
  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** The last of what it printed. */
  get lastLines(): string {
    return this.#lastLines.join("\n");
  }

  /** Sends a signal and does not wait for what comes of it. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Asks the process to finish, then insists (I1). Safe to call twice. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    const insist = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    child.kill("SIGTERM");
    await this.exited;
    clearTimeout(insist);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
