import type { EventRecord, NewEventRecord, UnmatchedEvents } from "../../store.ts";
import type { Control } from "../control.ts";
import type { Database, SqlRow } from "../database.ts";

const insertColumns = "id, key, source, depth, webhook, replay_of, only_trigger, metadata, trace, payload";

/** What {@link toEvent} needs of a row, in this order. */
export const eventColumns = `seq, received_at, ${insertColumns}`;

/** Keeps an event; false when it was there already. */
export function insertEvent(control: Control, event: NewEventRecord): boolean {
  const { traceparent, tracestate, baggage } = event.trace;
  const hasTrace = traceparent !== "" || tracestate !== "" || baggage !== "";
  const receivedAtUs = control.triggers.receivedAtUs(control.nowUs);
  const inserted = control.db.run(
    `INSERT INTO event (${eventColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    control.triggers.nextEvent,
    receivedAtUs,
    event.id,
    event.key,
    event.source,
    event.depth,
    event.webhook || null,
    event.replayOf || null,
    event.onlyTrigger || null,
    isEmpty(event.metadata) ? null : JSON.stringify(event.metadata),
    hasTrace ? JSON.stringify([traceparent, tracestate, baggage]) : null,
    event.payload,
  );
  if (inserted === 0) return false;
  control.triggers.eventInserted(receivedAtUs);
  control.changes.events = true;
  return true;
}

/** Keeps events; tells of each whether it was there already. */
export function publish(control: Control, events: readonly NewEventRecord[]): boolean[] {
  return events.map((event) => !insertEvent(control, event));
}

/** A row as a record. */
export function toEvent(row: SqlRow): EventRecord {
  const [seq, receivedAt, id, key, source, depth, webhook, replayOf, onlyTrigger, metadata, trace, payload] = row;
  const [traceparent, tracestate, baggage] =
    trace === null ? ["", "", ""] : (JSON.parse(trace as string) as [string, string, string]);
  return {
    seq: seq as number,
    receivedAtUs: receivedAt as number,
    id: id as string,
    key: key as string,
    source: source as EventRecord["source"],
    depth: depth as number,
    webhook: (webhook as string | null) ?? "",
    replayOf: (replayOf as string | null) ?? "",
    onlyTrigger: (onlyTrigger as string | null) ?? "",
    metadata: metadata === null ? {} : (JSON.parse(metadata as string) as Record<string, string>),
    trace: { traceparent, tracestate, baggage },
    payload: payload as Uint8Array,
  };
}

/** Events after the cursor. */
export function unmatched({ db, triggers }: Control, limit: number, maxBytes: number): UnmatchedEvents {
  const { cursor } = triggers;
  const sizes = db.rows("SELECT length(payload) FROM event WHERE seq > ? ORDER BY seq LIMIT ?", cursor, limit);
  let taken = 0;
  for (let bytes = 0; taken < sizes.length; taken++) {
    bytes += sizes[taken]![0] as number;
    if (bytes > maxBytes && taken > 0) break;
  }
  const sql = `SELECT ${eventColumns} FROM event WHERE seq > ? ORDER BY seq LIMIT ?`;
  return { fromSeq: cursor, events: db.rows(sql, cursor, taken).map(toEvent) };
}

/** How many events wait to be matched, and since when the oldest does. */
export function eventBacklog({ db, triggers }: Control): { count: number; oldestUs: number | undefined } {
  const sql = "SELECT received_at FROM event WHERE seq > ? ORDER BY seq LIMIT 1";
  const oldestUs = triggers.waiting === 0 ? undefined : (db.row(sql, triggers.cursor)?.[0] as number | undefined);
  return { count: triggers.waiting, oldestUs };
}

/** Events by id; unknown ids are left out. */
export function getEvents(control: Control, ids: readonly string[]): EventRecord[] {
  const sql = `SELECT ${eventColumns} FROM event WHERE id IN (SELECT value FROM json_each(?))`;
  return control.db.rows(sql, JSON.stringify(ids)).map(toEvent);
}

/** Forgets at most `limit` matched events received before a time, the oldest first; answers how many. */
export function forgetEvents({ db, triggers }: Control, beforeUs: number, limit: number): number {
  const last = Math.min(firstEventAt(db, beforeUs) - 1, triggers.cursor);
  const sql = "SELECT seq FROM event WHERE seq <= ? ORDER BY seq LIMIT ?";
  return db.run(`DELETE FROM event WHERE seq IN (${sql})`, last, limit);
}

const BOUNDS_SQL = `SELECT coalesce((SELECT min(seq) FROM event), 0),
  coalesce((SELECT max(seq) FROM event) + 1, 0)`;

/** Number of the first event received at a time or later; one more than the last when there is none. */
export function firstEventAt(db: Database, atUs: number): number {
  let [from, to] = db.row(BOUNDS_SQL) as [number, number];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    // Those that were forgotten were the first: from there on none is missing.
    const receivedAtUs = db.row("SELECT received_at FROM event WHERE seq = ?", middle)![0] as number;
    if (receivedAtUs < atUs) from = middle + 1;
    else to = middle;
  }
  return from;
}

function isEmpty(metadata: Readonly<Record<string, string>>): boolean {
  for (const _key in metadata) return false;
  return true;
}
