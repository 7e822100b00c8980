import type { Failure, NewJobTrace, ProgressRecord } from "../store.ts";
import type { Database, SqlValue } from "./database.ts";

/** Larger bytes go to the payload table: the task's row is rewritten at every change of state. */
export const MAX_INLINE_BYTES = 1_024;

/** Which bytes of a task a payload row holds; attempts keep theirs inline. */
export const payloadKinds = { input: 0, output: 1, extras: 2 } as const;

type PayloadKind = (typeof payloadKinds)[keyof typeof payloadKinds];

const SPILLED = 1;
const NO_BYTES = new Uint8Array(0);

/** Stores bytes and returns what the task's row keeps: null for none, the bytes when small, else a mark. */
export function storeBytes(db: Database, task: number, kind: PayloadKind, bytes: Uint8Array): SqlValue {
  if (bytes.length === 0) return null;
  if (bytes.length <= MAX_INLINE_BYTES) return bytes;
  db.run("INSERT OR REPLACE INTO payload (seq, bytes) VALUES (?, ?)", task * 4 + kind, bytes);
  return SPILLED;
}

/** Reads what {@link storeBytes} stored. */
export function loadBytes(db: Database, task: number, kind: PayloadKind, value: SqlValue): Uint8Array {
  if (value === null) return NO_BYTES;
  if (value instanceof Uint8Array) return value;
  return db.row("SELECT bytes FROM payload WHERE seq = ?", task * 4 + kind)![0] as Uint8Array;
}

/** A failure as a column. */
export function encodeFailure(failure: Failure | undefined): string | null {
  return failure === undefined ? null : JSON.stringify([failure.type, failure.message, failure.stack]);
}

/** Reads a failure column. */
export function decodeFailure(value: SqlValue): Failure | undefined {
  if (value === null) return undefined;
  const [type, message, stack] = JSON.parse(value as string) as [string, string, string];
  return { type, message, stack };
}

/** Progress as a column. */
export function encodeProgress(progress: readonly ProgressRecord[]): string | null {
  return progress.length === 0 ? null : JSON.stringify(progress);
}

/** Reads a progress column. */
export function decodeProgress(value: SqlValue): readonly ProgressRecord[] {
  return value === null ? [] : (JSON.parse(value as string) as ProgressRecord[]);
}

/** A job's trace as a column. */
export function encodeTrace(trace: NewJobTrace): string {
  return JSON.stringify(trace);
}

/** Reads a trace column. */
export function decodeTrace(value: SqlValue): NewJobTrace {
  return JSON.parse(value as string) as NewJobTrace;
}

/** A column that may be null, as a number. */
export function optionalNumber(value: SqlValue): number | undefined {
  return value === null ? undefined : (value as number);
}
