import type { Failure, JobTrigger, NewJobTrace, ProgressRecord } from "./records.ts";

/** A failure as a column. */
export function encodeFailure(failure: Failure | undefined): string | null {
  return failure === undefined ? null : JSON.stringify([failure.type, failure.message, failure.stack]);
}

/** Reads a failure column. */
export function decodeFailure(value: unknown): Failure | undefined {
  if (value === null) return undefined;
  const [type, message, stack] = JSON.parse(value as string) as [string, string, string];
  return { type, message, stack };
}

/** Progress as a column. */
export function encodeProgress(progress: readonly ProgressRecord[]): string | null {
  return progress.length === 0 ? null : JSON.stringify(progress);
}

/** Reads a progress column. */
export function decodeProgress(value: unknown): readonly ProgressRecord[] {
  return value === null ? [] : (JSON.parse(value as string) as ProgressRecord[]);
}

/** A job's trace as a column. */
export function encodeTrace(trace: NewJobTrace): string {
  return JSON.stringify(trace);
}

/** Reads a trace column. */
export function decodeTrace(value: unknown): NewJobTrace {
  return JSON.parse(value as string) as NewJobTrace;
}

/** What set a job going as a column. */
export function encodeTrigger(trigger: JobTrigger | undefined): string | null {
  return trigger === undefined ? null : JSON.stringify(trigger);
}

/** Reads a trigger column. */
export function decodeTrigger(value: unknown): JobTrigger | undefined {
  return value === null ? undefined : (JSON.parse(value as string) as JobTrigger);
}

/** A column that may be null, as a number. */
export function optionalNumber(value: unknown): number | undefined {
  return value === null ? undefined : (value as number);
}
