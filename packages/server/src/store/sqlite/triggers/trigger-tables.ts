import type { Database } from "../database.ts";

/** Definitions that have firings: one look into the index for each of them, however many firings they have. */
const SOURCES_SQL = `WITH RECURSIVE s (source) AS (
    SELECT (SELECT min(source) FROM firing)
    UNION ALL SELECT (SELECT min(source) FROM firing WHERE source > s.source) FROM s WHERE s.source IS NOT NULL
  ) SELECT source FROM s WHERE source IS NOT NULL`;

/**
 * What operations on triggers need of the record again and again, held in memory.
 *
 * I1. It equals what the record says whenever no transaction is open; one that is rolled back is read anew.
 * I2. Numbers of events are given once and without gaps, and those that wait are never deleted: how many wait is a
 *     difference.
 */
export class TriggerTables {
  readonly #db: Database;
  /** Events up to this one are matched. */
  cursor = 0;
  /** Whether a trigger takes what jobs' lives give as events. */
  wantsJobEvents = false;
  /** Definitions whose latest firings failed. */
  readonly failing = new Set<number>();
  /** Definitions that may have more firings than they keep, or are gone and have some left. */
  readonly untidied = new Set<number>();
  #nextDefinition = 1;
  #nextFiring = 1;
  #nextEvent = 1;
  #lastReceivedUs = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Number of a definition about to be inserted. */
  newDefinition(): number {
    return this.#nextDefinition++;
  }

  /** Number of a firing about to be inserted. */
  newFiring(): number {
    return this.#nextFiring++;
  }

  /** Number that the next event gets. */
  get nextEvent(): number {
    return this.#nextEvent;
  }

  /** When the next event is said to be received: events are found by time as by number, so a clock set back stands still. */
  receivedAtUs(nowUs: number): number {
    return Math.max(nowUs, this.#lastReceivedUs);
  }

  /** Takes number and time of an event that was inserted. */
  eventInserted(receivedAtUs: number): void {
    this.#nextEvent++;
    this.#lastReceivedUs = receivedAtUs;
  }

  /** Events that wait to be matched (I2). */
  get waiting(): number {
    return this.#nextEvent - 1 - this.cursor;
  }

  /** Reads anew who wants events of jobs, after a definition was written or deleted. */
  reloadListeners(): void {
    const sql = "SELECT 1 FROM definition INDEXED BY definition_of_jobs WHERE wants_job_events = 1 LIMIT 1";
    this.wantsJobEvents = this.#db.row(sql) !== undefined;
  }

  /** Reads everything anew: at start and after a rollback. */
  reload(): void {
    this.cursor = this.#number("SELECT seq FROM event_cursor");
    // Numbers of events that were forgotten are not given again: they would count as matched.
    this.#nextEvent = Math.max(this.cursor, this.#number("SELECT coalesce(max(seq), 0) FROM event")) + 1;
    this.#lastReceivedUs = this.#number(
      "SELECT coalesce(max(received_at), 0) FROM (SELECT received_at FROM event ORDER BY seq DESC LIMIT 1)",
    );
    this.#nextFiring = this.#number("SELECT coalesce(max(seq), 0) FROM firing") + 1;
    // A definition may be gone while firings of it are left, which are not to be those of the next one.
    const definitions = this.#number("SELECT coalesce(max(seq), 0) FROM definition");
    this.#nextDefinition = Math.max(definitions, this.#number("SELECT coalesce(max(source), 0) FROM firing")) + 1;
    this.#refill(this.failing, "SELECT seq FROM definition WHERE error IS NOT NULL");
    this.#refill(this.untidied, SOURCES_SQL);
    this.reloadListeners();
  }

  #number(sql: string): number {
    return this.#db.row(sql)![0] as number;
  }

  #refill(set: Set<number>, sql: string): void {
    set.clear();
    for (const [seq] of this.#db.rows(sql)) set.add(seq as number);
  }
}
