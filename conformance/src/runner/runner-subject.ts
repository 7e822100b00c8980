import { hostname } from "node:os";
import { CaseFailure } from "../cases/case-failure.ts";
import type { Case } from "../cases/suite.ts";
import { Scope } from "../match/scope.ts";
import type { Subject } from "../run/subject.ts";
import { Places } from "./places.ts";
import { runRunnerSteps } from "./run-runner-steps.ts";
import { QUEUES, type RunnerCommand, SERVICE, usualRunner } from "./runner-process.ts";
import { RunnerSession } from "./runner-session.ts";
import type { RunnerStep } from "./runner-step.ts";

/** What it takes to test a runner. */
export interface RunnerSubjectOptions extends RunnerCommand {
  /** Cases that run at once. */
  concurrency: number;
  /** Processes of their own that cases may have at once. */
  processes: number;
  /** Every time limit is multiplied by it. */
  patience: number;
}

/** The one variant: a runner speaks the protocol as it likes. */
export const RUNNER = "runner";

/**
 * A runner under test: a command, started once for all cases that can share it, and anew for each of the others.
 *
 * A shared runner that has ended is started again for the next case: what it was fails with it, what comes after need not.
 */
export class RunnerSubject implements Subject<RunnerStep> {
  readonly name: string;
  readonly variants = [RUNNER];
  readonly concurrency: number;
  readonly #options: RunnerSubjectOptions;
  readonly #places: Places;
  readonly #ended: RunnerSession[] = [];
  #shared: Promise<RunnerSession> | undefined;

  constructor(options: RunnerSubjectOptions) {
    this.#options = options;
    this.name = options.command.join(" ");
    this.concurrency = options.concurrency;
    this.#places = new Places(options.processes);
  }

  /**
   * Starts the runner that cases share: one that is none would fail every case, each after its own time.
   *
   * Shape: why it cannot be tested; undefined when it has called the server.
   */
  async start(signal: AbortSignal, limitMs: number): Promise<string | undefined> {
    const session = await this.#share();
    const called = await session.ready(signal, limitMs).catch(() => false);
    if (signal.aborted) return "interrupted before it called the server";
    if (called) return undefined;
    const { exit } = session.runner;
    if (exit?.error !== undefined) return `it cannot be started: ${exit.error}`;
    const output = session.runner.outputSince(0).trim();
    const what = exit
      ? `it ended with ${exit.signal ?? `code ${exit.code}`} before it called the server`
      : `it did not call the server at SPANLOOM_URL within ${limitMs} ms`;
    return output === "" ? what : `${what}, and printed:\n${output}`;
  }

  async runCase({ steps }: Case<RunnerStep>, _variant: string, signal: AbortSignal): Promise<void> {
    const [first] = steps;
    if (first?.kind !== "process") {
      const shared = await this.#share();
      await shared.ready(signal);
      return this.#run(steps, shared, signal);
    }
    await this.#places.with(async () => {
      await using session = await RunnerSession.start(this.#options, first);
      if (!first.away) await session.ready(signal);
      await this.#run(steps, session, signal);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sessions = [...this.#ended, ...(this.#shared ? [await this.#shared] : [])];
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
  }

  async #share(): Promise<RunnerSession> {
    const shared = await this.#shared;
    if (shared?.runner.exit) {
      this.#ended.push(shared);
      this.#shared = undefined;
    }
    this.#shared ??= RunnerSession.start(this.#options);
    return this.#shared;
  }

  async #run(steps: readonly RunnerStep[], session: RunnerSession, signal: AbortSignal): Promise<void> {
    const { runner } = session;
    const scope = new Scope({
      pid: runner.pid,
      host: hostname(),
      service: { ...SERVICE },
      queues: [...QUEUES],
      concurrency: usualRunner.concurrency,
    });
    const { printed } = runner;
    try {
      await runRunnerSteps(steps, { session, scope, signal, patience: this.#options.patience });
    } catch (error) {
      if (!(error instanceof CaseFailure)) throw error;
      throw new CaseFailure({ ...error.facts, output: runner.outputSince(printed) });
    }
  }
}
