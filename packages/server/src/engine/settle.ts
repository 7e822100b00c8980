import { AttemptOutcome, CancellationReason, TaskState } from "@spanloom/protocol";
import type { Failure, RetryRule } from "../store/store.ts";
import { mayRetry, nextRetryDelayMs } from "./retry-policy.ts";
import type { Doom } from "./states.ts";

/** A task is queued again this often after its lease was lost; the next loss fails it. */
export const MAX_LOSSES = 10;

/** What is known of a running task when its attempt ends. */
export interface RunningTask {
  /** Attempts that counted against the retry policy before this one. */
  counted: number;
  /** Leases lost before this one. */
  losses: number;
  retry: RetryRule;
  /** Of its job, or of an optional ancestor's subtree. */
  doom: Doom;
}

/** How an attempt ended. */
export type AttemptEnd =
  | { kind: "success"; hasChildren: boolean }
  | {
      kind: "failure";
      outcome: typeof AttemptOutcome.FAILURE | typeof AttemptOutcome.TIMEOUT | typeof AttemptOutcome.CANCELLED;
      failure: Failure;
      retryable: boolean | undefined;
      retryAfterMs: number | undefined;
    }
  | { kind: "released" }
  | { kind: "lost" };

/** What the end of an attempt does to its task. */
export interface Settlement {
  state: TaskState;
  outcome: AttemptOutcome;
  /** After this attempt. */
  counted: number;
  /** After this attempt. */
  losses: number;
  /** How long the task waits in SCHEDULED; 0 in any other state. */
  delayMs: number;
  /** Kept on the attempt, and on the task when it ends with this attempt. */
  failure: Failure | undefined;
}

/**
 * Decides what a finished attempt does to its task.
 *
 * Failures and timeouts follow the retry policy; lost and released attempts cost no retry; nothing runs again in a doomed
 * job or subtree. `random` gives numbers in [0, 1).
 *
 * Source: design protocol 2 and 4.
 */
export function settle(task: RunningTask, end: AttemptEnd, random: () => number): Settlement {
  switch (end.kind) {
    case "success": {
      const state = end.hasChildren ? TaskState.WAITING : TaskState.SUCCEEDED;
      return outcomeOf(task, { state, outcome: AttemptOutcome.SUCCESS, counted: task.counted + 1 });
    }
    case "failure":
      return settleFailure(task, end, random);
    case "released": {
      const state = task.doom === "none" ? TaskState.QUEUED : TaskState.CANCELLED;
      return outcomeOf(task, { state, outcome: AttemptOutcome.RELEASED });
    }
    case "lost":
      return settleLoss(task);
  }
}

/** How an attempt ends that may have been told to stop: one that made way for another under its key does not come back. */
export function endAsTold(end: AttemptEnd, stop: CancellationReason | undefined, key: string | undefined): AttemptEnd {
  if (stop !== CancellationReason.CONCURRENCY || end.kind === "success") return end;
  const failure = {
    type: "ConcurrencyCancelled",
    message: `another task took its place under concurrency key "${key}"`,
    stack: "",
  };
  return { kind: "failure", outcome: AttemptOutcome.CANCELLED, failure, retryable: false, retryAfterMs: undefined };
}

function outcomeOf(task: RunningTask, change: Partial<Settlement> & Pick<Settlement, "state" | "outcome">): Settlement {
  return { counted: task.counted, losses: task.losses, delayMs: 0, failure: undefined, ...change };
}

function settleFailure(
  task: RunningTask,
  end: Extract<AttemptEnd, { kind: "failure" }>,
  random: () => number,
): Settlement {
  const { outcome, failure } = end;
  const counted = task.counted + 1;
  if (task.doom !== "none") {
    const cancelled = task.doom === "cancelled" || outcome === AttemptOutcome.CANCELLED;
    return outcomeOf(task, { state: cancelled ? TaskState.CANCELLED : TaskState.FAILED, outcome, counted, failure });
  }
  if (!mayRetry(task.retry, { failedAttempts: counted, type: failure.type, retryable: end.retryable })) {
    return outcomeOf(task, { state: TaskState.FAILED, outcome, counted, failure });
  }
  const delayMs = Math.max(nextRetryDelayMs(task.retry, counted, random), end.retryAfterMs ?? 0);
  const state = delayMs > 0 ? TaskState.SCHEDULED : TaskState.QUEUED;
  return outcomeOf(task, { state, outcome, counted, failure, delayMs });
}

function settleLoss(task: RunningTask): Settlement {
  const losses = task.losses + 1;
  const outcome = AttemptOutcome.LOST;
  if (task.doom !== "none") return outcomeOf(task, { state: TaskState.CANCELLED, outcome, losses });
  if (losses <= MAX_LOSSES) return outcomeOf(task, { state: TaskState.QUEUED, outcome, losses });
  const message = `cannot run task: its lease was lost ${losses} times, limit ${MAX_LOSSES}`;
  return outcomeOf(task, {
    state: TaskState.FAILED,
    outcome,
    losses,
    failure: { type: "LeaseLost", message, stack: "" },
  });
}
