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
