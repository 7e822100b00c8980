import type { EventSettlement, FiringRecord } from "../../store.ts";
import type { Control } from "../control.ts";
import { type FiringSource, fireOne, knownFirings } from "./fire.ts";

/** Makes the firings of events and moves the cursor on; undefined when it is not where the caller read. */
export function settle(control: Control, { fromSeq, toSeq, firings }: EventSettlement): FiringRecord[] | undefined {
  if (control.triggers.cursor !== fromSeq) return undefined;
  const known = knownFirings(
    control,
    firings.map(({ firing }) => firing),
  );
  const sources = new Map<string, FiringSource | undefined>();
  const records: FiringRecord[] = [];
  for (const { triggerId, firing } of firings) {
    if (!sources.has(triggerId)) sources.set(triggerId, triggerOf(control, triggerId));
    const source = sources.get(triggerId);
    if (source !== undefined) records.push(fireOne(control, source, { firing, known }));
  }
  moveCursor(control, toSeq);
  return records;
}

/** A trigger that is there. */
export function triggerOf(control: Control, id: string): FiringSource | undefined {
  const row = control.db.row("SELECT seq FROM definition WHERE id = ? AND kind = 'trigger'", id);
  return row && { seq: row[0] as number, id };
}

function moveCursor({ db, triggers }: Control, seq: number): void {
  if (seq === triggers.cursor) return;
  db.run("UPDATE event_cursor SET seq = ?", seq);
  triggers.cursor = seq;
}
