import { windowStartUs } from "../../engine/admission.ts";
import { numbers, texts } from "./bulk.ts";
import type { Control } from "./control.ts";
import { statement } from "./statement.ts";

/**
 * Puts lines that were set aside back in turn once their gate may have opened.
 *
 * I1. While a gate is open, a line that waits for it stands in turn, if there is any in its bucket: no more of them than
 *     there are places, so that what waits is not walked over.
 */

/** Unparks lines of gates, which `gates` selects as `seq` and `room`: in each bucket as many as there is room. */
function unpark(name: string, gates: string) {
  const waiting = "ready_line w WHERE w.gate = g.seq AND w.parked AND NOT w.held";
  return statement(
    name,
    `UPDATE ready_line l SET parked = false FROM (
       SELECT c.job, c.bucket, c.gate, g.room FROM (${gates}) g
       CROSS JOIN LATERAL (
         WITH RECURSIVE b (bucket) AS (
           (SELECT w.bucket FROM ${waiting} ORDER BY w.bucket LIMIT 1)
           UNION ALL
           SELECT (SELECT w.bucket FROM ${waiting} AND w.bucket > b.bucket ORDER BY w.bucket LIMIT 1)
           FROM b WHERE b.bucket IS NOT NULL
         ) SELECT bucket FROM b WHERE bucket IS NOT NULL) b
       CROSS JOIN LATERAL (SELECT w.job, w.bucket, w.gate FROM ${waiting} AND w.bucket = b.bucket
         ORDER BY w.turn LIMIT g.room) c
     ) c WHERE l.job = c.job AND l.bucket = c.bucket AND l.gate = c.gate RETURNING l.bucket, c.room`,
  );
}

const unparkKeys = unpark(
  "unpark_lines_of_keys",
  `SELECT gate.seq, gate.places - u.running AS room FROM unnest($1::text[], $2::integer[]) AS u (key, running)
   JOIN gate ON gate.key = u.key AND gate.places > u.running`,
);
const unparkGates = unpark("unpark_lines_of_gates", "SELECT seq, 1 AS room FROM unnest($1::bigint[]) AS u (seq)");
const unparkWindows = unpark(
  "unpark_lines_of_windows",
  `SELECT gate.seq, gate.rate_limit AS room FROM unnest($1::text[], $2::double precision[]) AS u (key, window_ms)
   JOIN gate ON gate.rate_key = u.key AND gate.window_ms = u.window_ms`,
);

/** Lets lines try again whose key has free places, and those that stood behind one that was withdrawn. */
export async function reopenGates(control: Control): Promise<void> {
  const keys = [...control.places.freed];
  const gates = [...control.places.withdrawn];
  control.places.freed.clear();
  control.places.withdrawn.clear();
  if (keys.length + gates.length === 0) return;
  const concurrency = (key: string) => ({ key, limit: 0, policy: "wait" }) as const;
  await control.places.load(keys.map((key) => ({ id: "", concurrency: concurrency(key) })));
  // Lines may have been parked in the open transaction.
  control.ready.flush();
  const running = keys.map((key) => control.places.find(key)!.running);
  const [ofKeys, ofGates] = await Promise.all([
    keys.length === 0 ? [] : control.sql.send(unparkKeys, [texts(keys), numbers(running)]),
    // A gate that is closed is found to be so again.
    gates.length === 0 ? [] : control.sql.send(unparkGates, [numbers(gates)]),
  ]);
  noteUnparked(control, [...ofKeys, ...ofGates]);
}

function noteUnparked(control: Control, rows: readonly (readonly unknown[])[]): void {
  if (rows.length === 0) return;
  control.ready.forgetEmpty();
  for (const [bucket, room] of rows as readonly [number, number][]) {
    control.changes.addReady(control.specs.bucket(bucket).queue, room);
  }
}

/** A rate limit's window. */
export interface RateWindow {
  key: string;
  windowMs: number;
}

/** Lets lines try again whose windows are over. */
export async function reopenWindows(control: Control, windows: readonly RateWindow[]): Promise<void> {
  if (windows.length === 0) return;
  control.ready.flush();
  const values = [texts(windows.map(({ key }) => key)), `{${windows.map(({ windowMs }) => windowMs)}}`];
  noteUnparked(control, await control.sql.send(unparkWindows, values));
}

const awaited = `EXISTS (
     SELECT 1 FROM gate g JOIN ready_line l ON l.gate = g.seq AND l.parked AND NOT l.held
     WHERE g.rate_key = w.key AND g.window_ms = w.window_ms)`;
const awaitedWindows = statement(
  "awaited_windows",
  `SELECT w.key, w.window_ms, w.start_at FROM rate_window w WHERE ${awaited}`,
);
const forgetWindows = statement(
  "forget_windows",
  `DELETE FROM rate_window w WHERE w.start_at + w.window_ms * 1000 < $1::bigint AND NOT ${awaited}`,
);

/** Lets lines try again whose window is over, in either direction; answers when the next one that is awaited ends. */
export async function turnWindows(control: Control): Promise<number | undefined> {
  control.places.flush();
  control.ready.flush();
  const rows = (await control.sql.ask(awaitedWindows, [])) as unknown as [string, number, number][];
  const over = rows.filter(([, windowMs, startUs]) => windowStartUs({ windowMs }, control.nowUs) !== startUs);
  await reopenWindows(
    control,
    over.map(([key, windowMs]) => ({ key, windowMs })),
  );
  let next: number | undefined;
  for (const [, windowMs, startUs] of rows) {
    const endUs = startUs + windowMs * 1000;
    if (endUs > control.nowUs && (next === undefined || endUs < next)) next = endUs;
  }
  return next;
}

/** Removes windows that are over and nobody waits for. */
export function dropWindows(control: Control): void {
  control.sql.send(forgetWindows, [control.nowUs]);
}
