import { create } from "@bufbuild/protobuf";
import { context } from "@opentelemetry/api";
import {
  AttemptOutcome,
  defaultLimits,
  durationFromMs,
  msFromDuration,
  SpanloomError,
  type TaskFailure,
  TaskFailureResultSchema,
  type TaskResult,
  TaskSuccessSchema,
  usFromTimestamp,
} from "@spanloom/protocol";
import { type AbortKind, decodePayload, encodePayload } from "@spanloom/sdk";
import type { Attempt } from "./attempt.ts";
import { type ContextServices, isPromise, RunnerTaskContext } from "./context.ts";
import { terminalFailure, toTaskFailure } from "./failure.ts";
import { failureResult, type Outcome, releaseResult, toResult } from "./task-result.ts";

/** What executing attempts takes. */
export interface ExecuteServices extends ContextServices {
  /** Largest output, in bytes. */
  maxOutputBytes: number;
  /** How long an aborted attempt may go on before it is abandoned. */
  abandonAfterMs: number;
  /** Told of every attempt whose code is about to begin. */
  started?(attempt: Attempt): void;
  /** Told once of every attempt that ended; the result is undefined when nothing may be reported (I2 of attempt.ts). */
  settled(attempt: Attempt, result: TaskResult | undefined): void;
}

/** Most bytes of one result: a request must hold it, and telemetry beside it. */
const MAX_RESULT_BYTES = defaultLimits.maxRequestBytes - 1024 * 1024;

/** Starts an attempt's code. Never throws: whatever happens, {@link ExecuteServices.settled} is told. */
export function execute(attempt: Attempt, services: ExecuteServices): void {
  const { definition, tracing, task } = attempt;
  attempt.state = "running";
  tracing.startedAtUs = services.nowUs();
  if (!definition) {
    settle(attempt, releaseResult("UNKNOWN_IDENTIFIER"), services);
    return;
  }
  services.started?.(attempt);
  armDeadline(attempt, services);
  const ctx = new RunnerTaskContext(attempt, services);
  let input: unknown;
  try {
    input = decodePayload(task.input, `cannot run task "${definition.name}"`);
  } catch (error) {
    // Another attempt would be given the same input.
    settle(attempt, failureResult(terminalFailure(error as SpanloomError)), services);
    return;
  }
  try {
    const returned = context.with(tracing.context(), definition.run, undefined, input as never, ctx);
    if (isPromise(returned)) {
      returned.then(
        (output) => succeed(attempt, { ctx, output, services }),
        (error: unknown) => fail(attempt, error, services),
      );
    } else succeed(attempt, { ctx, output: returned, services });
  } catch (error) {
    fail(attempt, error, services);
  }
}

/** Tells a running attempt to stop, and abandons it when it does not. */
export function abortAttempt(attempt: Attempt, [kind, why]: [AbortKind, string], services: ExecuteServices): void {
  if (attempt.state !== "running" || attempt.aborted) return;
  clearTimeout(attempt.timer);
  attempt.timer = setTimeout(() => abandon(attempt, services), services.abandonAfterMs);
  attempt.abort(kind, why);
}

/** Settles an attempt whose code goes on after it was told to stop; its slot is free, its result is what it was told. */
export function abandon(attempt: Attempt, services: ExecuteServices): void {
  if (attempt.state !== "running") return;
  const error = attempt.aborted ?? new Error("the runner stopped");
  settle(attempt, outcomeOfAbort(attempt, toTaskFailure(error)), services);
}

function armDeadline(attempt: Attempt, services: ExecuteServices): void {
  const remainingMs = attempt.task.deadline ? remainingMsOf(attempt) : attempt.definition?.options.timeoutMs;
  if (remainingMs === undefined) return;
  // A longer delay would overflow Node's timers and fire at once; 24 days is no timeout anybody waits for.
  const delayMs = Math.min(remainingMs, 2 ** 31 - 1);
  attempt.deadlineUs = attempt.tracing.startedAtUs + delayMs * 1000;
  attempt.timer = setTimeout(() => abortAttempt(attempt, TIMED_OUT, services), delayMs);
}

const TIMED_OUT: [AbortKind, string] = ["timeout", "its timeout or its job's deadline passed"];

/** Time left when the lease was granted, by the server's clock alone, so that clocks may differ. */
function remainingMsOf({ task }: Attempt): number {
  const deadlineUs = usFromTimestamp(task.deadline!);
  const leaseUs = msFromDuration(task.leaseDuration ?? durationFromMs(defaultLimits.defaultLeaseMs)) * 1000;
  const leasedUs = task.leaseExpiresAt ? usFromTimestamp(task.leaseExpiresAt) - leaseUs : Date.now() * 1000;
  return Math.max(0, (deadlineUs - leasedUs) / 1000);
}

interface Returned {
  ctx: RunnerTaskContext;
  output: unknown;
  services: ExecuteServices;
}

function succeed(attempt: Attempt, { ctx, output, services }: Returned): void {
  if (attempt.state !== "running") return;
  // Code that kept the event loop busy returns before the timer had its turn.
  if (services.nowUs() >= attempt.deadlineUs) abortAttempt(attempt, TIMED_OUT, services);
  if (attempt.aborted?.kind === "timeout") {
    // Whatever it returned came too late.
    fail(attempt, attempt.aborted, services);
    return;
  }
  let outcome: Outcome;
  try {
    outcome = successOf(attempt, { ctx, output, services });
  } catch (error) {
    // What cannot be sent now could not be sent after another attempt.
    outcome = failureResult(error instanceof SpanloomError ? terminalFailure(error) : toTaskFailure(error));
  }
  settle(attempt, outcome, services);
}

function successOf(attempt: Attempt, { ctx, output, services }: Returned): Outcome {
  const owner = `cannot return the output of task "${attempt.definition?.name}"`;
  const bytes = encodePayload(output, owner);
  if (bytes.length > services.maxOutputBytes) throw overLimit(owner, bytes.length, services.maxOutputBytes);
  const { children } = ctx;
  const total = bytes.length + (children ? children.inputBytes + children.count * 8 : 0);
  if (total > MAX_RESULT_BYTES) throw overLimit(`${owner} and its children`, total, MAX_RESULT_BYTES);
  const { display } = attempt;
  return {
    case: "success",
    value: create(TaskSuccessSchema, {
      output: bytes,
      ...(children && { children: children.build() }),
      ...(display !== undefined && { display }),
    }),
  };
}

function overLimit(owner: string, actual: number, limit: number): SpanloomError {
  const message = `${owner}: ${actual} bytes, limit is ${limit}`;
  return new SpanloomError("LIMIT_EXCEEDED", message, { field: "output", limit, actual });
}

/** Settles a running attempt as failed, or as what it was told before; does nothing for one that has settled. */
export function fail(attempt: Attempt, error: unknown, services: ExecuteServices): void {
  if (attempt.state !== "running") return;
  settle(attempt, outcomeOfAbort(attempt, toTaskFailure(error)), services);
}

/** What an attempt that failed is reported as, given what it was told before. */
export function outcomeOfAbort(attempt: Attempt, failure: TaskFailure): Outcome {
  switch (attempt.aborted?.kind) {
    case "timeout":
      return failed(failure, AttemptOutcome.TIMEOUT);
    case "cancelled":
      return failed(failure, AttemptOutcome.CANCELLED);
    case "shutdown":
      return releaseResult("SHUTDOWN");
    default:
      return failureResult(failure);
  }
}

function failed(failure: TaskFailure, outcome: AttemptOutcome): Outcome {
  return { case: "failure", value: create(TaskFailureResultSchema, { failure, outcome }) };
}

function settle(attempt: Attempt, outcome: Outcome, services: ExecuteServices): void {
  attempt.state = "settled";
  if (attempt.timer) clearTimeout(attempt.timer);
  services.settled(attempt, attempt.lost ? undefined : toResult(attempt, outcome, services.nowUs()));
}
