import { AttemptOutcome } from "@spanloom/protocol";
import type { LifecycleBatch } from "../../store/store.ts";
import type { StoppedAttempt } from "./close-open-spans.ts";
import { attemptOutcomes } from "./project-attempt.ts";
import { RecentNames } from "./recent-names.ts";

/** Outcomes after which no code of the attempt runs that could end its spans: it is gone, or was told to stop. */
const stops: ReadonlySet<AttemptOutcome> = new Set([
  AttemptOutcome.LOST,
  AttemptOutcome.TIMEOUT,
  AttemptOutcome.CANCELLED,
  AttemptOutcome.RELEASED,
]);

/** Finds attempts that stopped, each until its open spans are known to be closed. */
export class StoppedAttempts {
  /** A task is projected again with each of its changes. */
  readonly #closed = new RecentNames();

  /** Adds those of a batch to a list. */
  collect({ jobs, tasks }: LifecycleBatch, to: StoppedAttempt[]): void {
    for (const { id, jobId, attempts } of tasks) {
      for (const { number, outcome, endedAtUs } of attempts) {
        if (!stops.has(outcome) || endedAtUs === undefined || this.#closed.has(nameOf(id, number))) continue;
        const job = jobs.find((each) => each.id === jobId);
        if (!job) continue;
        const { traceId } = job.trace;
        to.push({ traceId, taskId: id, attempt: number, endedAtUs, outcome: attemptOutcomes[outcome]! });
      }
    }
  }

  /** The spans of these are closed. */
  remember(attempts: readonly StoppedAttempt[]): void {
    this.#closed.add(attempts.map(({ taskId, attempt }) => nameOf(taskId, attempt)));
  }
}

function nameOf(taskId: string, attempt: number): string {
  return `${taskId}:${attempt}`;
}
