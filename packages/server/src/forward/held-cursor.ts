import type { ArrivalPosition } from "../telemetry/telemetry.ts";

/** Up to where an exporter was given what came. */
export interface Cursor {
  spans: ArrivalPosition;
  logs: ArrivalPosition;
}

/** The cursor of an exporter that this server serves, and nobody else. */
export interface HeldCursor {
  /** Where it was when it was taken; undefined for an exporter that is new. */
  readonly cursor: Cursor | undefined;
  /** False once another server may serve the exporter: nothing more is to be sent, and nothing can be written. */
  isHeld(): boolean;
  /** Writes where it is; without effect when it is not held any more. */
  save(cursor: Cursor): Promise<void>;
  /** Writes where it is, if that changed, and lets another server have it. */
  release(cursor: Cursor | undefined): Promise<void>;
}

/** Keeps cursors by exporter. */
export interface CursorStore {
  /** Resolves when this server is the one to serve the exporter; with undefined when the signal aborts before. */
  take(name: string, signal: AbortSignal): Promise<HeldCursor | undefined>;
  /** Lets go of cursors that were not moved for so long that nothing they stand before is kept any more. */
  forget(idleMs: number): Promise<void>;
}

/** A cursor as text. */
export function formatCursor(cursor: Cursor): string {
  return JSON.stringify(cursor, (_key, value) => (typeof value === "bigint" ? `${value}` : value));
}

/** The cursor of a text. Errors: TypeError, SyntaxError when it is none. */
export function parseCursor(text: string): Cursor {
  const { spans, logs } = JSON.parse(text) as Record<keyof Cursor, { us: string; place: string }>;
  return { spans: positionOf(spans), logs: positionOf(logs) };
}

function positionOf({ us, place }: { us: string; place: string }): ArrivalPosition {
  if (typeof place !== "string") throw new TypeError(`place is ${JSON.stringify(place)}`);
  return { us: BigInt(us), place };
}
