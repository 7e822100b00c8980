import { hostname } from "node:os";
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
    await runRunnerSteps(steps, { session, scope, signal, patience: this.#options.patience });
  }
}
