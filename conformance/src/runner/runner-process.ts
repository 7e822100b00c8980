import { type ChildProcess, spawn } from "node:child_process";
import type { JsonObject } from "../cases/template.ts";
import type { RunnerSettings } from "./runner-step.ts";

/** A runner as the cases that share one have it. */
export const usualRunner: RunnerSettings = { concurrency: 16, graceMs: 5_000, abandonMs: 5_000 };

/** Identity that a runner is told to have. */
export const SERVICE = { name: "conformance-service", version: "1.2.3" } as const;

/** Queues that a runner is told to serve. */
export const QUEUES = ["conformance", "conformance-second"] as const;

/** What of a runner's output is kept. */
const MAX_OUTPUT = 8_192;

/** How a command is started. */
export interface RunnerCommand {
  /** Program and arguments. */
  command: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
}

/** The process of a runner under test, in a process group of its own. */
export class RunnerProcess implements AsyncDisposable {
  readonly #options: RunnerCommand & { url: string; settings: RunnerSettings; changed: () => void };
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #output = "";
  #printed = 0;
  #exit: JsonObject | undefined;

  constructor(options: RunnerCommand & { url: string; settings: RunnerSettings; changed: () => void }) {
    this.#options = options;
  }

  /** How it ended: `{code, signal}`; undefined while it runs. */
  get exit(): JsonObject | undefined {
    return this.#exit;
  }

  /** How many characters it has printed. */
  get printed(): number {
    return this.#printed;
  }

  /** The last of what it printed since it had printed so many characters. */
  outputSince(printed: number): string {
    const count = this.#printed - printed;
    return count > 0 ? this.#output.slice(-count) : "";
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts the command. What is wrong with it shows as its exit. */
  start(): void {
    const { command, env, url, settings } = this.#options;
    const [program = "", ...args] = command;
    this.#exit = undefined;
    const child = spawn(program, args, {
      env: { ...env, ...variablesOf(url, settings) },
      stdio: ["ignore", "pipe", "pipe"],
      // A runner may have processes of its own, which end with the case.
      detached: true,
    });
    this.#child = child;
    const keep = (text: Buffer) => {
      const more = text.toString();
      this.#printed += more.length;
      this.#output = (this.#output + more).slice(-MAX_OUTPUT);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    this.#ended = new Promise((resolve) => {
      const end = (exit: JsonObject) => {
        this.#exit ??= exit;
        this.#options.changed();
        resolve();
      };
      child.once("error", (error) => end({ code: null, signal: null, error: error.message }));
      child.once("exit", (code, signal) => end({ code, signal }));
    });
  }

  /** Sends a signal to the command itself. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills it with all it started. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this;
    if (pid === 0) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // The group is gone already.
    }
    await this.#ended;
  }
}

function variablesOf(url: string, { concurrency, graceMs, abandonMs }: RunnerSettings): Record<string, string> {
  return {
    SPANLOOM_URL: url,
    CONFORMANCE_QUEUES: QUEUES.join(","),
    CONFORMANCE_CONCURRENCY: String(concurrency),
    CONFORMANCE_GRACE_MS: String(graceMs),
    CONFORMANCE_ABANDON_MS: String(abandonMs),
    CONFORMANCE_SERVICE_NAME: SERVICE.name,
    CONFORMANCE_SERVICE_VERSION: SERVICE.version,
  };
}
