import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ProcessUsage, processUsage } from "../measure/process-usage.ts";
import type { AnswerMessage, CallMessage } from "./parent-link.ts";

/** Which programs a benchmark is made of. */
export type ProcessName = "server" | "runner" | "client" | "generator";

/** How to start one. */
export interface BenchProcessOptions {
  name: ProcessName;
  /** Folder for a CPU profile of the whole process, written when it ends. */
  cpuProfDir?: string;
  /** Extra arguments for node. */
  nodeArgs?: readonly string[];
}

const STOP_GRACE_MS = 20_000;

/**
 * One program of a benchmark in a process of its own, called over node's IPC channel.
 *
 * I1. `stop` ends with the process gone. A child whose parent dies ends itself, as its channel closes.
 */
export class BenchProcess implements AsyncDisposable {
  readonly name: ProcessName;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor({ name, cpuProfDir, nodeArgs = [] }: BenchProcessOptions) {
    this.name = name;
    const profile = cpuProfDir
      ? ["--cpu-prof", "--cpu-prof-dir", cpuProfDir, "--cpu-prof-name", `${name}.cpuprofile`]
      : [];
    const program = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    this.#child = spawn(process.execPath, [...profile, ...nodeArgs, program], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    this.#child.on("message", (answer: AnswerMessage) => this.#answered(answer));
    const exited = Promise.withResolvers<void>();
    this.#exited = exited.promise;
    this.#child.once("exit", (code, signal) => {
      for (const call of this.#waiting.values()) call.reject(new Error(`the ${name} exited with ${signal ?? code}`));
      exited.resolve();
    });
  }

  /** Calls the program and waits for its answer. Errors: what the call threw there, with its stack; when it exits. */
  call<Result>(name: string, argument?: unknown): Promise<Result> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    const message: CallMessage = { id, name, argument };
    this.#child.send(message, (error) => error && answer.reject(error));
    return answer.promise as Promise<Result>;
  }

  /** What the process has used so far. */
  usage(): Promise<ProcessUsage> {
    return processUsage(this.#child.pid as number);
  }

  /** Asks the process to end, then insists (I1). Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), STOP_GRACE_MS);
    // A process that exits before it answers has done what it was asked for.
    await this.call("stop").catch(() => {});
    await this.#exited;
    clearTimeout(insist);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #answered(answer: AnswerMessage): void {
    const call = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) call?.reject(new Error(`the ${this.name} failed: ${answer.error}`));
    else call?.resolve(answer.result);
  }
}
