import { CancellationReason, TaskState } from "@spanloom/protocol";
import type { ConcurrencyRule } from "@spanloom/server/store";
import { type RuleContext, stopAttempt } from "./model-rules.ts";
import type { ModelState, ModelTask } from "./model-state.ts";

/** Limits of concurrency keys and rate limits, by counting. */

/** Attempts that run under a key. */
export function holdersOf(state: ModelState, key: string): ModelTask[] {
  return [...state.tasks.values()].filter(
    (task) => task.state === TaskState.RUNNING && task.spec.concurrency?.key === key,
  );
}

/** Why a queued task may not be offered now; undefined when it may. */
export function isThrottled(
  { state, nowUs }: Pick<RuleContext, "state" | "nowUs">,
  task: ModelTask,
): string | undefined {
  const { concurrency, rateLimit } = task.spec;
  if (!state.jobs.get(task.jobId)!.admitted) return "its job has no place";
  if (concurrency !== undefined && isFull(state, concurrency)) return `key ${concurrency.key} is full`;
  if (rateLimit !== undefined) {
    const starts = state.starts.get(windowName(rateLimit, nowUs)) ?? 0;
    if (starts >= rateLimit.limit) return `the window of ${rateLimit.key} is used up`;
  }
  return undefined;
}

function isFull(state: ModelState, { key, limit }: ConcurrencyRule): boolean {
  return holdersOf(state, key).length >= limit;
}

function windowName({ key, windowMs }: { key: string; windowMs: number }, nowUs: number): string {
  return `${key} ${windowMs} ${Math.floor(nowUs / (windowMs * 1000))}`;
}

/** Counts a start under its rate limit. */
export function noteStart({ state, nowUs }: Pick<RuleContext, "state" | "nowUs">, { spec }: ModelTask): void {
  if (spec.rateLimit === undefined) return;
  const name = windowName(spec.rateLimit, nowUs);
  state.starts.set(name, (state.starts.get(name) ?? 0) + 1);
}

/** Stops as many of the longest-running holders of each key as tasks that may ask for it wait. */
export function makeRoom(context: RuleContext): void {
  const { state } = context;
  const waiting = new Map<string, number>();
  for (const task of state.tasks.values()) {
    const { concurrency } = task.spec;
    if (task.state !== TaskState.QUEUED || concurrency?.policy !== "cancelRunning") continue;
    if (isFull(state, concurrency)) waiting.set(concurrency.key, (waiting.get(concurrency.key) ?? 0) + 1);
  }
  for (const [key, wanted] of waiting) {
    const holders = holdersOf(state, key).sort((a, b) => a.lease!.order - b.lease!.order);
    let stopping = holders.filter(({ lease }) => lease!.stop !== undefined).length;
    for (const holder of holders) {
      if (stopping >= wanted) break;
      if (holder.lease!.stop !== undefined) continue;
      stopAttempt(context, holder, CancellationReason.CONCURRENCY);
      stopping++;
    }
  }
}
