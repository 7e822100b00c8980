import type { EventQuery, EventRecord } from "../../store.ts";
import type { Control } from "../control.ts";
import type { Database, SqlValue } from "../database.ts";
import { eventColumns, toEvent } from "./events.ts";
import { prefixEnd } from "./prefix-end.ts";

/**
 * Events by their filters, newest first.
 *
 * I1. Keys are few, as they name what happens and not what it happened to: of those that match, each is walked by itself.
 *     Only when they are many are events looked at whatever their key.
 */

/** Keys that are walked by themselves. */
const FEW_KEYS = 64;
/** Events looked at together. */
const WALK_PAGE = 1_000;

interface Walk {
  where: string[];
  values: SqlValue[];
}

/** Events that meet a query. */
export function listEvents({ db }: Control, query: EventQuery, page: { limit: number; after?: number }): EventRecord[] {
  const walk = conditions(query);
  const before = page.after ?? Number.MAX_SAFE_INTEGER;
  const seqs = newestOf(db, query, { walk, before, limit: page.limit });
  const sql = `SELECT ${eventColumns} FROM event WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC`;
  return db.rows(sql, JSON.stringify(seqs)).map(toEvent);
}

interface Wanted {
  walk: Walk;
  /** Older than this one. */
  before: number;
  limit: number;
}

function newestOf(db: Database, { keyPrefix = "", keyRegex, webhook }: EventQuery, wanted: Wanted): number[] {
  if (keyPrefix === "" && keyRegex === undefined) return walkAll(db, wanted).map(([seq]) => seq);
  const matches = keyRegex === undefined ? () => true : wholeMatch(keyRegex);
  const keys = webhook === undefined ? keysOf(db, keyPrefix) : [];
  if (webhook !== undefined || keys.length > FEW_KEYS) {
    return walkKeys(db, wanted, (key) => key.startsWith(keyPrefix) && matches(key));
  }
  const seqs = keys.filter(matches).flatMap((key) => walkAll(db, withKey(wanted, key)).map(([seq]) => seq));
  return seqs.sort((a, b) => b - a).slice(0, wanted.limit);
}

function wholeMatch(keyRegex: string): (key: string) => boolean {
  const regex = new RegExp(`^(?:${keyRegex})$`, "su");
  return (key) => regex.test(key);
}

function withKey({ walk: { where, values }, ...rest }: Wanted, key: string): Wanted {
  return { ...rest, walk: { where: ["key = ?", ...where], values: [key, ...values] } };
}

/** Keys with a prefix, one more than are few at most: one look into the index for each. */
function keysOf(db: Database, prefix: string): string[] {
  const rows = db.rows(
    `WITH RECURSIVE k (key) AS (
       SELECT (SELECT min(key) FROM event WHERE key >= ? AND key < ?)
       UNION ALL SELECT (SELECT min(key) FROM event WHERE key > k.key AND key < ?) FROM k WHERE k.key IS NOT NULL
     ) SELECT key FROM k WHERE key IS NOT NULL LIMIT ${FEW_KEYS + 1}`,
    prefix,
    prefixEnd(prefix),
    prefixEnd(prefix),
  );
  return rows.map(([key]) => key as string);
}

/** Looks at events one page after the other until enough have a key that matches. */
function walkKeys(db: Database, wanted: Wanted, matches: (key: string) => boolean): number[] {
  const seqs: number[] = [];
  for (let { before } = wanted; ; ) {
    const rows = walkAll(db, { ...wanted, before, limit: WALK_PAGE });
    for (const [seq, key] of rows) if (matches(key)) seqs.push(seq);
    if (seqs.length >= wanted.limit || rows.length < WALK_PAGE) return seqs.slice(0, wanted.limit);
    before = rows.at(-1)![0];
  }
}

function walkAll(db: Database, { walk, before, limit }: Wanted): readonly [seq: number, key: string][] {
  const where = [...walk.where, "seq < ?"].join(" AND ");
  const sql = `SELECT seq, key FROM event WHERE ${where} ORDER BY seq DESC LIMIT ?`;
  return db.rows(sql, ...walk.values, before, limit) as readonly [number, string][];
}

/** All conditions but those on the key. */
function conditions({ receivedAfterUs, receivedBeforeUs, sources = [], webhook }: EventQuery): Walk {
  const walk: Walk = { where: [], values: [] };
  const add = (condition: string, value: SqlValue) => {
    walk.where.push(condition);
    walk.values.push(value);
  };
  if (webhook !== undefined) add("webhook = ?", webhook);
  if (receivedAfterUs !== undefined) add("received_at >= ?", receivedAfterUs);
  if (receivedBeforeUs !== undefined) add("received_at < ?", receivedBeforeUs);
  if (sources.length > 0) add("source IN (SELECT value FROM json_each(?))", JSON.stringify(sources));
  return walk;
}
