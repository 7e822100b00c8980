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
  /** A task as the store shows it afterwards: its id, and what rules leave open of several that fail or are skipped. */
  seen: (key: string) => { id: string; state: TaskState; blamed: boolean } | undefined;
}

/** Tells an attempt to stop. The first reason counts. */
export function stopAttempt({ nowUs, graceMs }: RuleContext, task: ModelTask, reason: CancellationReason): void {
  const { lease } = task;
  if (lease === undefined || lease.stop !== undefined) return;
  lease.stop = reason;
  lease.fenceAtUs = nowUs + graceMs * 1000;
}
