import type { EventRecord, NewEventRecord } from "../../trigger-store.ts";
import { texts } from "../bulk.ts";
import type { SequenceNumbers } from "../sequence-numbers.ts";
import { statement } from "../statement.ts";
import type { Writer } from "../writer.ts";
import { sourceCodes } from "./trigger-codes.ts";

/**
 * Payloads travel as one parameter of bytes, which needs no encoding, and are cut apart by PostgreSQL: as hexadecimal
 * digits in an array they take twice the room.
 */
const insertInto = (rest: string): string =>
  `INSERT INTO event (seq, id, key, payload, metadata, trace, source, webhook, replay_of, only_trigger, depth, received_at)
   SELECT $1::bigint + u.place - 1, u.id, u.key, substring($2::bytea FROM u.start FOR u.bytes), u.metadata, u.trace,
     u.source, u.webhook, u.replay_of, u.only_trigger, u.depth, $3::bigint
   FROM unnest($4::text[], $5::text[], $6::integer[], $7::integer[], $8::text[], $9::text[], $10::smallint[], $11::text[],
     $12::text[], $13::text[], $14::integer[]) WITH ORDINALITY
     AS u (id, key, start, bytes, metadata, trace, source, webhook, replay_of, only_trigger, depth, place)${rest}`;

const insertEvents = statement("insert_events", insertInto(""));
/** What jobs' lives give has ids that follow from it: the clock may have stood still between two ends of one job. */
const insertJobEvents = statement("insert_job_events", insertInto(" ON CONFLICT (id) DO NOTHING"));
const knownEvents = statement("known_events", "SELECT id FROM event WHERE id = ANY($1::text[])");

/** Sent at once when as many wait, or as many bytes of payloads: 50,000 events shall not be a message of 50 MB. */
const MAX_WAITING = 5_000;
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Events that the open transaction stores.
 *
 * I1. `seq` is given under the store's lock, which is held until the transaction is visible: whoever sees an event sees all
 *     those before it that will ever be. So "everything after `seq`" misses none.
 */
export class EventTable {
  readonly #sql: Writer;
  readonly #numbers: SequenceNumbers;
  /** Ids that the record has, as far as was asked, and those stored by the open transaction. */
  readonly #known = new Set<string>();
  #waiting: NewEventRecord[] = [];
  #waitingBytes = 0;
  #ofJobs: NewEventRecord[] = [];
  #nowUs = 0;

  constructor(sql: Writer, numbers: SequenceNumbers) {
    this.#sql = sql;
    this.#numbers = numbers;
  }

  /** Begins a transaction. */
  begin(nowUs: number): void {
    this.#known.clear();
    this.#nowUs = nowUs;
  }

  /**
   * Looks for events that are there already.
   *
   * A hopeful transaction hopes that ids are new: one that is used again fails it, and is found when it runs again.
   */
  async find(ids: Iterable<string>): Promise<void> {
    if (this.#sql.isHopeful) return;
    const wanted = [...ids].filter((id) => !this.#known.has(id));
    if (wanted.length === 0) return;
    for (const [id] of await this.#sql.ask(knownEvents, [texts(wanted)])) this.#known.add(id as string);
  }

  /** Stores events; tells of each whether it was there already. What memory would hold too much of is awaited. */
  async add(events: readonly NewEventRecord[]): Promise<boolean[]> {
    const existed: boolean[] = [];
    for (const event of events) {
      const isKnown = this.#known.has(event.id);
      existed.push(isKnown);
      if (isKnown) continue;
      this.#known.add(event.id);
      this.#waiting.push(event);
      this.#waitingBytes += event.payload.length;
      if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES) await this.#sendWaiting();
    }
    return existed;
  }

  /** Stores events that jobs' lives give. */
  addOfJobs(events: readonly NewEventRecord[]): void {
    this.#ofJobs.push(...events);
  }

  /** Sends what waits. */
  flush(): void {
    void this.#sendWaiting();
    if (this.#ofJobs.length === 0) return;
    const events = this.#ofJobs;
    this.#ofJobs = [];
    this.#sql.send(insertJobEvents, this.#values(events));
  }

  /** Drops everything. */
  clear(): void {
    this.#known.clear();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#ofJobs = [];
  }

  #sendWaiting(): Promise<unknown> {
    if (this.#waiting.length === 0) return Promise.resolve();
    const events = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return this.#sql.send(insertEvents, this.#values(events));
  }

  #values(events: readonly NewEventRecord[]): unknown[] {
    const first = this.#numbers.take("event", events.length);
    const starts: number[] = [];
    let bytes = 0;
    for (const { payload } of events) {
      starts.push(bytes + 1);
      bytes += payload.length;
    }
    const column = (cell: (event: NewEventRecord) => string | number) => array(events, cell);
    return [
      first,
      Buffer.concat(
        events.map(({ payload }) => payload),
        bytes,
      ),
      this.#nowUs,
      texts(events.map(({ id }) => id)),
      texts(events.map(({ key }) => key)),
      `{${starts.join(",")}}`,
      column(({ payload }) => payload.length),
      column(({ metadata }) => encodeMetadata(metadata)),
      column(({ trace }) => encodeEventTrace(trace)),
      column(({ source }) => sourceCodes.encode(source)),
      column(({ webhook }) => webhook),
      column(({ replayOf }) => replayOf),
      column(({ onlyTrigger }) => onlyTrigger),
      column(({ depth }) => depth),
    ];
  }
}

/** A column as an array parameter; empty texts are null. */
function array(events: readonly NewEventRecord[], cell: (event: NewEventRecord) => string | number): string {
  const cells = events.map((event) => {
    const value = cell(event);
    if (typeof value === "number") return value;
    return value === "" ? "NULL" : `"${value.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${cells.join(",")}}`;
}

function encodeMetadata(metadata: NewEventRecord["metadata"]): string {
  for (const _ in metadata) return JSON.stringify(metadata);
  return "";
}

function encodeEventTrace({ traceparent, tracestate, baggage }: EventRecord["trace"]): string {
  if (traceparent === "" && tracestate === "" && baggage === "") return "";
  return JSON.stringify([traceparent, tracestate, baggage]);
}
