import type { DefinitionKind, FiringRecord, TriggerNews } from "../../trigger-store.ts";
import { bulk, bulkInsert, Rows, texts } from "../bulk.ts";
import { knownUuids } from "../known-uuids.ts";
import type { SequenceNumbers } from "../sequence-numbers.ts";
import { statement } from "../statement.ts";
import type { Writer } from "../writer.ts";
import { EventTable } from "./event-table.ts";
import { firingColumns, toFiring } from "./read-firings.ts";
import { kindCodes, outcomeCodes } from "./trigger-codes.ts";

/** What writers need of a schedule or trigger. */
export interface SourceWork {
  readonly id: string;
  readonly kind: DefinitionKind;
  readonly revision: number;
  nextAtUs: number | undefined;
}

const sourcesById = statement(
  "sources_by_id",
  "SELECT id, kind, revision, next_at FROM definition WHERE id = ANY($1::uuid[])",
);
const firingsById = statement("firings_by_id", `SELECT ${firingColumns} FROM firing f WHERE f.id = ANY($1::uuid[])`);
const insertFirings = bulkInsert("firing", {
  seq: "bigint",
  id: "uuid",
  source: "uuid",
  outcome: "smallint",
  scheduled_at: "bigint",
  fired_at: "bigint",
  job: "uuid",
  event: "text",
  error: "text",
  requested: "boolean",
  count: "integer",
});
const moveSchedules = bulk(
  "move_schedule",
  { id: "uuid", next_at: "bigint", last_at: "bigint" },
  (rows) => `UPDATE definition SET next_at = u.next_at, last_at = greatest(definition.last_at, u.last_at)
    FROM ${rows} WHERE definition.id = u.id`,
);
const noteErrors = bulk(
  "note_source_error",
  { id: "uuid", last_error: "text", last_error_at: "bigint" },
  (rows) => `UPDATE definition SET last_error = u.last_error, last_error_at = u.last_error_at FROM ${rows}
    WHERE definition.id = u.id AND (u.last_error IS NOT NULL OR definition.last_error IS NOT NULL)`,
);
const readCursor = statement("read_event_cursor", "SELECT value FROM meta WHERE key = 'matched_event'");
const moveCursor = statement(
  "move_event_cursor",
  `INSERT INTO meta (key, value) VALUES ('matched_event', $1::bigint)
   ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
);
const readWanted = statement(
  "job_events_wanted",
  "SELECT EXISTS (SELECT 1 FROM definition WHERE wants_job_events AND NOT paused)",
);

/**
 * Schedules, triggers and what they fire, as far as the open transaction is about them.
 *
 * I1. Whether jobs' lives are to give events is known as of the epoch: it is asked for under the lock whenever another
 *     server has written, along with the row numbers. So events of jobs begin and end with the very transaction that
 *     makes or deletes the trigger, on every server.
 */
export class TriggerTable {
  readonly events: EventTable;
  readonly #sql: Writer;
  readonly #sources = new Map<string, SourceWork>();
  readonly #firings = new Map<string, FiringRecord>();
  /** Ids of firings that were looked for. */
  readonly #sought = new Set<string>();
  readonly #inserts = new Rows(insertFirings);
  readonly #moves = new Map<string, readonly [nextAtUs: number | undefined, lastAtUs: number]>();
  readonly #errors = new Map<string, readonly [message: string, atUs: number] | undefined>();
  #cursor: number | undefined;
  #movesCursor = false;
  #wantsJobEvents = false;
  #news: TriggerNews & { definitions?: DefinitionKind[] } = {};

  constructor(sql: Writer, numbers: SequenceNumbers) {
    this.#sql = sql;
    this.events = new EventTable(sql, numbers);
  }

  /** Whether a live trigger may take what jobs' lives give as events. */
  get wantsJobEvents(): boolean {
    return this.#wantsJobEvents;
  }

  /** Begins a transaction. */
  begin(nowUs: number): void {
    this.#forgetRows();
    this.events.begin(nowUs);
  }

  /** Learns what other servers changed. */
  async reload(): Promise<void> {
    this.#cursor = undefined;
    const [[wanted]] = (await this.#sql.ask(readWanted, [])) as unknown as [[boolean]];
    this.#wantsJobEvents = wanted;
  }

  /** Reads what firings are about to work on. */
  async load(sourceIds: Iterable<string>, firingIds: Iterable<string>): Promise<void> {
    const sources = knownUuids(sourceIds).filter((id) => !this.#sources.has(id));
    const firings = knownUuids(firingIds).filter((id) => !this.#sought.has(id));
    const [sourceRows, firingRows] = await Promise.all([
      sources.length === 0 ? [] : this.#sql.ask(sourcesById, [texts(sources)]),
      firings.length === 0 ? [] : this.#sql.ask(firingsById, [texts(firings)]),
    ]);
    for (const [id, kind, revision, nextAt] of sourceRows as unknown as [string, number, number, number | null][]) {
      this.#sources.set(id, { id, kind: kindCodes.decode(kind), revision, nextAtUs: nextAt ?? undefined });
    }
    for (const id of firings) this.#sought.add(id);
    for (const row of firingRows) this.#remember(toFiring(row));
  }

  /** A schedule or trigger that was loaded; undefined when there is none of that kind. */
  source(kind: DefinitionKind, id: string): SourceWork | undefined {
    const source = this.#sources.get(id);
    return source?.kind === kind ? source : undefined;
  }

  /** A firing that was loaded or made. */
  firing(id: string): FiringRecord | undefined {
    return this.#firings.get(id);
  }

  /** Stores a firing. */
  addFiring(firing: FiringRecord): void {
    const { seq, id, sourceId, outcome, scheduledAtUs, firedAtUs, jobId, eventId, error, requested, count } = firing;
    this.#remember(firing);
    this.#inserts.add(
      ...[seq, id, sourceId, outcomeCodes.encode(outcome), scheduledAtUs, firedAtUs],
      ...[jobId || null, eventId || null, error || null, requested, count],
    );
    if (outcome === "failed") this.#errors.set(sourceId, [error, firedAtUs]);
    else if (outcome === "submitted") this.#errors.set(sourceId, undefined);
  }

  /** Moves a schedule on. */
  move(schedule: SourceWork, nextAtUs: number | undefined, lastAtUs: number): void {
    schedule.nextAtUs = nextAtUs;
    this.#moves.set(schedule.id, [nextAtUs, lastAtUs]);
  }

  /** Up to which event matching has settled. */
  async cursor(): Promise<number> {
    if (this.#cursor === undefined) {
      const [row] = await this.#sql.ask(readCursor, []);
      this.#cursor = (row?.[0] as number | undefined) ?? 0;
    }
    return this.#cursor;
  }

  /** Moves the cursor. */
  moveCursor(toSeq: number): void {
    this.#cursor = toSeq;
    this.#movesCursor = true;
  }

  /** Notes that a definition was made, changed or deleted; what is known of rows may be so no more. */
  async changed(kind: DefinitionKind, dueUs?: number): Promise<void> {
    this.flush();
    this.#forgetRows();
    const kinds = this.#news.definitions ?? [];
    this.#news.definitions = kinds.includes(kind) ? kinds : [...kinds, kind];
    if (dueUs !== undefined) {
      this.#news.scheduleDueUs = Math.min(dueUs, this.#news.scheduleDueUs ?? Number.POSITIVE_INFINITY);
    }
    if (kind !== "trigger") return;
    const [[wanted]] = (await this.#sql.ask(readWanted, [])) as unknown as [[boolean]];
    this.#wantsJobEvents = wanted;
  }

  /** Notes that there are events to match. */
  noteEvents(): void {
    this.#news.events = true;
  }

  /** What the open transaction has to tell. */
  get news(): TriggerNews {
    return this.#news;
  }

  /** Takes it, after the commit. */
  takeNews(): TriggerNews {
    const news = this.#news;
    this.#news = {};
    return news;
  }

  /** Sends what changed. */
  flush(): void {
    this.events.flush();
    this.#inserts.sendTo(this.#sql);
    const moves = new Rows(moveSchedules);
    for (const [id, [nextAtUs, lastAtUs]] of this.#moves) moves.add(id, nextAtUs, lastAtUs);
    moves.sendTo(this.#sql);
    const errors = new Rows(noteErrors);
    for (const [id, error] of this.#errors) errors.add(id, error?.[0], error?.[1]);
    errors.sendTo(this.#sql);
    this.#moves.clear();
    this.#errors.clear();
    if (this.#movesCursor) this.#sql.send(moveCursor, [this.#cursor!]);
    this.#movesCursor = false;
  }

  /** Drops everything. */
  clear(): void {
    this.#forgetRows();
    this.events.clear();
    this.#inserts.clear();
    this.#moves.clear();
    this.#errors.clear();
    this.#cursor = undefined;
    this.#movesCursor = false;
    this.#news = {};
  }

  #remember(firing: FiringRecord): void {
    this.#sought.add(firing.id);
    this.#firings.set(firing.id, firing);
  }

  #forgetRows(): void {
    this.#sources.clear();
    this.#firings.clear();
    this.#sought.clear();
  }
}
