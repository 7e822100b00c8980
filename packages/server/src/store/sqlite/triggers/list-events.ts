import type { EventQuery, EventRecord } from "../../store.ts";
import type { Control } from "../control.ts";
import type { Database, SqlValue } from "../database.ts";
import { eventColumns, firstEventAt, toEvent } from "./events.ts";
import { prefixEnd } from "./prefix-end.ts";

/**
 * Events by their filters, newest first.
 *
 * I1. Keys are few, as they name what happens and not what it happened to: of those that match, each is walked by itself.
 *     So are webhooks, and sources that are rare. Only when keys are many are events looked at whatever their key.
 * I2. Times rise with numbers: they are turned into numbers before the walk.
 */

/** Keys that are walked by themselves. */
const FEW_KEYS = 64;
/** Events looked at together. */
const WALK_PAGE = 1_000;

/** A way from the newest event to the oldest: an index, and conditions. */
interface Walk {
  index: string;
  where: readonly string[];
  values: readonly SqlValue[];
}

/** What is wanted of the events on a walk. */
interface Wanted {
  /** Numbers of the first and last. */
  from: number;
  to: number;
  limit: number;
  /** Looked at for each; undefined when the walk has no others. */
  matches: ((key: string) => boolean) | undefined;
}

const ALL: Walk = { index: "NOT INDEXED", where: [], values: [] };

/** Events that meet a query. */
export function listEvents({ db }: Control, query: EventQuery, page: { limit: number; after?: number }): EventRecord[] {
  const { receivedAfterUs, receivedBeforeUs } = query;
  const { after = Number.MAX_SAFE_INTEGER, limit } = page;
  const from = receivedAfterUs === undefined ? 0 : firstEventAt(db, receivedAfterUs);
  const end = receivedBeforeUs === undefined ? after : Math.min(after, firstEventAt(db, receivedBeforeUs));
  const wanted = { from, to: end - 1, limit };
  const seqs = newestOf(db, query, wanted);
  const sql = `SELECT ${eventColumns} FROM event WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC`;
  return db.rows(sql, JSON.stringify(seqs)).map(toEvent);
}

function newestOf(db: Database, query: EventQuery, wanted: Omit<Wanted, "matches">): number[] {
  const { keyPrefix = "", keyRegex, webhook, sources = [] } = query;
  const matches = keyPrefix === "" && keyRegex === undefined ? undefined : keyMatcher(keyPrefix, keyRegex);
  if (webhook !== undefined) {
    const walk = { index: "INDEXED BY event_webhook", where: ["webhook = ?"], values: [webhook] };
    return walkOne(db, narrowed(walk, query), { ...wanted, matches });
  }
  const keys = matches && keysOf(db, keyPrefix);
  if (keys !== undefined && keys.length <= FEW_KEYS) {
    const walks = keys.filter(matches!).map((key) => ({
      ...{ index: "INDEXED BY event_key", where: ["key = ?"], values: [key] },
    }));
    return walkEach(
      db,
      walks.map((walk) => narrowed(walk, query)),
      { ...wanted, matches: undefined },
    );
  }
  if (sources.length === 0 || sources.includes("published")) {
    return walkOne(db, narrowed(ALL, query), { ...wanted, matches });
  }
  const walks = [...new Set(sources)].map((source) => ({
    ...{ index: "INDEXED BY event_source", where: ["source <> 'published'", "source = ?"], values: [source] },
  }));
  return walkEach(
    db,
    walks.map((walk) => narrowed(walk, query)),
    { ...wanted, matches },
  );
}

function keyMatcher(prefix: string, keyRegex: string | undefined): (key: string) => boolean {
  const regex = keyRegex === undefined ? undefined : new RegExp(`^(?:${keyRegex})$`, "su");
  return (key) => key.startsWith(prefix) && (regex?.test(key) ?? true);
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

/** A walk with the condition on sources, looked up for each event. */
function narrowed(walk: Walk, { sources = [] }: EventQuery): Walk {
  if (sources.length === 0) return walk;
  const where = [...walk.where, "source IN (SELECT value FROM json_each(?))"];
  return { ...walk, where, values: [...walk.values, JSON.stringify(sources)] };
}

/** The newest of several walks. */
function walkEach(db: Database, walks: readonly Walk[], wanted: Wanted): number[] {
  const seqs = walks.flatMap((walk) => walkOne(db, walk, wanted));
  return seqs.sort((a, b) => b - a).slice(0, wanted.limit);
}

/** The newest of a walk: one page of them, or as many as are looked at until enough have a key that matches. */
function walkOne(db: Database, walk: Walk, { from, to, limit, matches }: Wanted): number[] {
  const sql = `SELECT seq, key FROM event ${walk.index} WHERE ${[...walk.where, "seq BETWEEN ? AND ?"].join(" AND ")}
    ORDER BY seq DESC LIMIT ?`;
  const pageOf = (last: number, size: number) =>
    db.rows(sql, ...walk.values, from, last, size) as readonly (readonly [number, string])[];
  if (matches === undefined) return pageOf(to, limit).map(([seq]) => seq);
  const seqs: number[] = [];
  for (let last = to; ; ) {
    const rows = pageOf(last, WALK_PAGE);
    for (const [seq, key] of rows) if (matches(key)) seqs.push(seq);
    if (seqs.length >= limit || rows.length < WALK_PAGE) return seqs.slice(0, limit);
    last = rows.at(-1)![0] - 1;
  }
}
