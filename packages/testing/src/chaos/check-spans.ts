import { attemptSpanId, JobState, spanIdOf, TaskState } from "@spanloom/protocol";
import type { ChaosSpan } from "./chaos-subject.ts";
import {
  demand,
  jobHasEnded,
  jobStateOf,
  type ModelJob,
  type ModelState,
  type ModelTask,
  tasksOf,
} from "./model-state.ts";

/**
 * Holds the stored lifecycle spans to the model (P1): one root for each job, no missing parent, a span for every attempt,
 * everything closed once the job has ended.
 */
export function checkSpans(state: ModelState, spans: readonly ChaosSpan[]): void {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  demand(byId.size === spans.length, () => `${spans.length} spans share ${byId.size} ids`);
  for (const span of spans) {
    const parented = span.parentSpanId === "" || byId.has(span.parentSpanId);
    demand(
      parented,
      () => `the ${span.type} span ${span.spanId} of job ${span.jobId} has no parent ${span.parentSpanId}`,
    );
  }
  let expected = 0;
  for (const job of state.jobs.values()) expected += checkJob(state, job, byId);
  demand(spans.length === expected, () => `${spans.length} spans are stored, there should be ${expected}`);
}

function checkJob(state: ModelState, job: ModelJob, byId: ReadonlyMap<string, ChaosSpan>): number {
  const root = byId.get(spanIdOf(job.id));
  demand(root?.type === "job" && root.parentSpanId === "", () => `job ${job.id} has no root span`);
  const open = root.endUs === undefined;
  demand(open === !jobHasEnded(state, job.id), () => `the span of job ${job.id} is ${open ? "open" : "closed"}`);
  const outcome = open ? "" : jobOutcomes[jobStateOf(state, job)];
  demand(root.outcome === outcome, () => `the span of job ${job.id} ended ${root.outcome}, not ${outcome}`);
  let count = 1;
  for (const task of tasksOf(state, job.id)) count += checkTask(state, task, byId);
  return count;
}

const jobOutcomes: Partial<Record<JobState, string>> = {
  [JobState.SUCCEEDED]: "success",
  [JobState.FAILED]: "failure",
  [JobState.CANCELLED]: "cancelled",
};

const taskOutcomes: Partial<Record<TaskState, string>> = {
  [TaskState.SUCCEEDED]: "success",
  [TaskState.FAILED]: "failure",
  [TaskState.CANCELLED]: "cancelled",
  [TaskState.SKIPPED]: "skipped",
};

const outcomes = ["", "success", "failure", "timeout", "cancelled", "lost", "released"];

function checkTask(state: ModelState, task: ModelTask, byId: ReadonlyMap<string, ChaosSpan>): number {
  const id = task.id!;
  const parent = task.parent === undefined ? undefined : state.tasks.get(task.parent)!.id!;
  const parentSpan = parent === undefined ? spanIdOf(task.jobId) : attemptSpanId(parent, task.parentAttempt);
  const span = byId.get(spanIdOf(id));
  demand(
    span?.type === "task" && span.parentSpanId === parentSpan,
    () => `task ${task.key} has no span under its parent`,
  );
  checkTimes(`the span of task ${task.key}`, span, { startUs: task.createdAtUs, endUs: task.endedAtUs });
  const outcome = taskOutcomes[task.state] ?? "";
  demand(span.outcome === outcome, () => `the span of task ${task.key} ended ${span.outcome}, not ${outcome}`);
  for (const attempt of task.attempts) {
    const what = `the span of attempt ${attempt.number} of task ${task.key}`;
    const own = byId.get(attemptSpanId(id, attempt.number));
    demand(own?.type === "attempt" && own.parentSpanId === spanIdOf(id), () => `${what} is missing or misplaced`);
    demand(
      own.outcome === outcomes[attempt.outcome],
      () => `${what} ended ${own.outcome}, not ${outcomes[attempt.outcome]}`,
    );
    checkTimes(what, own, { startUs: attempt.leasedAtUs, endUs: attempt.endedAtUs });
    const linked = attempt.number === 1 || own.retries.includes(attemptSpanId(id, attempt.number - 1));
    demand(linked, () => `${what} has no link to the one before`);
  }
  return 1 + task.attempts.length;
}

/** A clock that went back makes a span short, not negative. */
function checkTimes(what: string, span: ChaosSpan, { startUs, endUs }: Pick<ChaosSpan, "startUs" | "endUs">): void {
  const wanted = `${startUs}..${endUs === undefined ? "" : Math.max(startUs, endUs)}`;
  const seen = `${span.startUs}..${span.endUs ?? ""}`;
  demand(seen === wanted, () => `${what} lasts ${seen}, not ${wanted}`);
}
