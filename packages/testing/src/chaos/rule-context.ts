import type { CancellationReason, TaskState } from "@spanloom/protocol";
import type { ModelState, ModelTask } from "./model-state.ts";

/** What rules are applied under. */
export interface RuleContext {
  state: ModelState;
  nowUs: number;
  graceMs: number;
  /** Whether a job that asks for its place again, when it is retried, stands in line by its age. */
  waitersByAge: boolean;
  /** Where making room is put off to, until everything else has happened; undefined: it is made at once. */
  roomLater?: (() => void)[] | undefined;
  /** Whether attempts due at once are dealt with, in an order that is open. */
  inPass?: boolean;
  /** A task as the store shows it afterwards: its id, and what rules leave open of several that fail or are skipped. */
  seen: (key: string) => { id: string; state: TaskState; blamed: boolean } | undefined;
}

/** Tells an attempt to stop. The first reason counts; in a pass over attempts due at once either may have been first. */
export function stopAttempt(context: RuleContext, task: ModelTask, reason: CancellationReason): void {
  const { lease } = task;
  if (lease === undefined) return;
  const fenceAtUs = context.nowUs + context.graceMs * 1000;
  if (lease.stop === undefined) Object.assign(lease, { stop: reason, fenceAtUs });
  else if (context.inPass === true && lease.fenceAtUs === fenceAtUs && lease.stop !== reason) lease.orStop = reason;
}
