import { AttemptOutcome, type TaskFailure, type TaskResult, type TaskSet } from "@spanloom/protocol";
import { decodePayload, type FailureSnapshot, toFailureSnapshot } from "@spanloom/sdk";
import type { ReplayedLog, ReplayedSpan } from "./kept-telemetry.ts";
import type { RecordedTask } from "./read-task.ts";
import type { Rerun } from "./run-recorded.ts";

/** What `task replay --json` prints. */
export interface ReplayOutcome {
  taskId: string;
  jobId: string;
  /** `name@version`. */
  task: string;
  outcome: "SUCCESS" | "FAILURE" | "TIMEOUT" | "CANCELLED" | "RELEASED";
  /** What it returned; null when it did not, or returned nothing. */
  output: unknown;
  failure: FailureSnapshot | null;
  /** How many children of each name it would have submitted. */
  children: { task: string; count: number }[];
  /** How long the code ran, milliseconds. */
  durationMs: number;
  /** Whether the output is the recorded one, byte for byte; null when either did not succeed. */
  sameOutput: boolean | null;
  /** Of the attempt and what its code made: each before its children, those by start. */
  spans: ReplayedSpan[];
  /** What its code logged, by time. */
  logs: ReplayedLog[];
}

/** What to tell of a task that was run again. */
export function replayOutcome({ task, hasOwnInput }: RecordedTask, { result, spans, logs }: Rerun): ReplayOutcome {
  const { id, jobId, identifier } = task;
  const common = {
    taskId: id,
    jobId,
    task: `${identifier?.name}@${identifier?.version || "1.0"}`,
    durationMs: durationMs(result),
    output: null,
    failure: null,
    children: [],
    sameOutput: null,
    spans: spans(),
    logs: logs(),
  };
  const { outcome } = result;
  if (outcome.case === "success") {
    const { output, children } = outcome.value;
    return {
      ...common,
      outcome: "SUCCESS",
      output: decodePayload(output, `cannot read the output of task "${id}"`) ?? null,
      children: counted(children),
      sameOutput: hasOwnInput && lastOutcome(task) === AttemptOutcome.SUCCESS ? equal(output, task.output) : null,
    };
  }
  if (outcome.case !== "failure") return { ...common, outcome: "RELEASED" };
  return { ...common, outcome: failedAs(outcome.value.outcome), failure: failureOf(outcome.value.failure) };
}

function lastOutcome({ attempts }: RecordedTask["task"]): AttemptOutcome | undefined {
  return attempts.at(-1)?.outcome;
}

function failedAs(outcome: AttemptOutcome): "FAILURE" | "TIMEOUT" | "CANCELLED" {
  if (outcome === AttemptOutcome.TIMEOUT) return "TIMEOUT";
  return outcome === AttemptOutcome.CANCELLED ? "CANCELLED" : "FAILURE";
}

function failureOf(failure: TaskFailure | undefined): FailureSnapshot | null {
  return failure ? toFailureSnapshot(failure) : null;
}

function durationMs({ startedAt, endedAt }: TaskResult): number {
  if (!startedAt || !endedAt) return 0;
  return Number(endedAt.seconds - startedAt.seconds) * 1_000 + (endedAt.nanos - startedAt.nanos) / 1e6;
}

function counted(children: TaskSet | undefined): { task: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { inputs, specs } of children?.groups ?? []) {
    for (const index of inputs.keys()) {
      // One spec for all, or one each.
      const spec = children?.specs[specs[specs.length > 1 ? index : 0] ?? 0];
      const name = spec?.identifier?.name ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].map(([task, count]) => ({ task, count }));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
