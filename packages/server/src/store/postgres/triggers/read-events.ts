import type { EventQuery, EventRecord, UnmatchedEvents } from "../../trigger-store.ts";
import type { ReadPool, SqlRow } from "../read-pool.ts";
import { statement } from "../statement.ts";
import { afterPrefix, sourceCodes } from "./trigger-codes.ts";

const columns = `e.seq, e.id, e.key, e.payload, e.metadata, e.trace, e.source, e.webhook, e.replay_of, e.only_trigger,
  e.depth, e.received_at`;

const cursor = "coalesce((SELECT value FROM meta WHERE key = 'matched_event'), 0)";

/** Sizes are summed before payloads are read. */
const unmatchedEvents = statement(
  "unmatched_events",
  `SELECT c.seq, ${columns} FROM (SELECT ${cursor} AS seq) c LEFT JOIN LATERAL (
     SELECT w.seq FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place,
         sum(octet_length(payload)) OVER (ORDER BY seq) AS bytes
       FROM event WHERE event.seq > c.seq ORDER BY seq LIMIT $1::integer) w
     WHERE w.place = 1 OR w.bytes <= $2::bigint) n ON true
   LEFT JOIN event e ON e.seq = n.seq ORDER BY n.seq`,
);

/** The oldest events that were not matched, and up to where matching has settled, of one moment. */
export async function unmatched(pool: ReadPool, limit: number, maxBytes: number): Promise<UnmatchedEvents> {
  const rows = await pool.rows(unmatchedEvents, limit, maxBytes);
  const events = rows.filter(([, seq]) => seq !== null).map((row) => toEvent(row.slice(1)));
  return { fromSeq: rows[0]![0] as number, events };
}

const eventsWaiting = statement(
  "event_backlog",
  `SELECT (SELECT count(*) FROM event WHERE seq > c.seq),
     (SELECT received_at FROM event WHERE seq > c.seq ORDER BY seq LIMIT 1) FROM (SELECT ${cursor} AS seq) c`,
);

/** How many events wait to be matched, and since when the oldest does. */
export async function eventBacklog(pool: ReadPool): Promise<{ count: number; oldestUs: number | undefined }> {
  const [row] = await pool.rows(eventsWaiting);
  return { count: row![0] as number, oldestUs: (row![1] as number | null) ?? undefined };
}

const matchedUpTo = statement("matched_seq", `SELECT ${cursor}`);

/** Up to which event matching has settled. */
export async function matchedSeq(pool: ReadPool): Promise<number> {
  const [row] = await pool.rows(matchedUpTo);
  return row![0] as number;
}

const eventsById = statement("events_by_id", `SELECT ${columns} FROM event e WHERE e.id = ANY($1::text[])`);

/** Events by id; unknown ids are left out. */
export async function getEvents(pool: ReadPool, ids: readonly string[]): Promise<readonly EventRecord[]> {
  if (ids.length === 0) return [];
  return (await pool.rows(eventsById, ids)).map(toEvent);
}

const pageOfEvents = statement(
  "page_of_events",
  `SELECT ${columns} FROM event e WHERE ($1::text IS NULL OR (key >= $1 AND key < $2)) AND ($3::text IS NULL OR key ~ $3)
     AND ($4::bigint IS NULL OR received_at >= $4) AND ($5::bigint IS NULL OR received_at < $5)
     AND ($6::smallint[] IS NULL OR source = ANY($6)) AND ($7::text IS NULL OR webhook = $7)
     AND ($8::bigint IS NULL OR seq < $8) ORDER BY seq DESC LIMIT $9`,
  { prepared: false },
);

/** Events that fulfil all conditions, newest first. */
export async function listEvents(
  pool: ReadPool,
  query: EventQuery,
  page: { limit: number; after?: number },
): Promise<readonly EventRecord[]> {
  const { keyPrefix, keyRegex, receivedAfterUs, receivedBeforeUs, sources, webhook } = query;
  const rows = await pool.rows(
    pageOfEvents,
    ...[keyPrefix ?? null, keyPrefix === undefined ? null : afterPrefix(keyPrefix)],
    keyRegex === undefined ? null : `^(?:${keyRegex})$`,
    ...[receivedAfterUs ?? null, receivedBeforeUs ?? null],
    sources === undefined || sources.length === 0 ? null : sources.map((source) => sourceCodes.encode(source)),
    ...[webhook ?? null, page.after ?? null, page.limit],
  );
  return rows.map(toEvent);
}

function toEvent(row: SqlRow): EventRecord {
  const [seq, id, key, payload, metadata, trace, source, webhook, replayOf, onlyTrigger, depth, receivedAt] = row;
  const [traceparent, tracestate, baggage] = trace === null ? NO_TRACE : (JSON.parse(trace as string) as string[]);
  return {
    seq: seq as number,
    id: id as string,
    key: key as string,
    payload: payload as Uint8Array,
    metadata: metadata === null ? {} : (JSON.parse(metadata as string) as Record<string, string>),
    trace: { traceparent: traceparent!, tracestate: tracestate!, baggage: baggage! },
    source: sourceCodes.decode(source),
    webhook: (webhook as string | null) ?? "",
    replayOf: (replayOf as string | null) ?? "",
    onlyTrigger: (onlyTrigger as string | null) ?? "",
    depth: depth as number,
    receivedAtUs: receivedAt as number,
  };
}

const NO_TRACE = ["", "", ""];
