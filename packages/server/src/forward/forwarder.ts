import { setImmediate as nextTurn } from "node:timers/promises";
import { type Exporter, splitBatch, type TelemetryBatch } from "@spanloom/exporter";
import { SpanloomError } from "@spanloom/protocol";
import { type RecordBatch, tableFromIPC } from "apache-arrow";
import type { Clock } from "../clock.ts";
import type { TelemetryTable } from "../telemetry/columnar/span-store.ts";
import type { ArrivalPage, Arrivals, Horizon } from "../telemetry/telemetry.ts";
import { cellsOf } from "./cells.ts";
import type { Cursor, CursorStore, HeldCursor } from "./held-cursor.ts";
import { logsToOtlp, spansToOtlp } from "./otlp-batch.ts";
import { nextDelayMs, Outlet, type OutletStats } from "./outlet.ts";
import { PageTasks } from "./page-tasks.ts";
import { SentRecords } from "./sent-records.ts";
import { pause, within } from "./waiting.ts";

/** How often it looks for what is new. */
const LOOK_MS = 1_000;
/** How long a cursor that moves is not written: what is sent meanwhile is sent again after a crash. */
const SAVE_US = 1_000_000;
/** How long after a look a cursor is written although nothing was sent: a start asks that much less of the store. */
const IDLE_SAVE_US = 3_600_000_000;
/** Rows read at a time. */
const PAGE_ROWS = 8_192;
/** Bytes of a page, about: it ends early where rows are large. */
const PAGE_BYTES = 8 * 1024 ** 2;
/** What an exporter is given at a time: making and encoding it takes some milliseconds of the event loop. */
const PART = { maxRecords: 128, maxBytes: 2 * 1024 ** 2 };
/** How far back it begins again when the store's clock was set back, it is not known when. */
const READ_AGAIN_US = 60_000_000n;
/** By how much the store's clock may fall behind this server's between two looks. */
const CLOCK_US = 1_000_000n;
/** How long a stop waits until all that came is sent, for what is still under way then, and for the exporter to shut down. */
const STOP_MS = { sending: 5_000, ending: 1_000 };

/** Where a new exporter begins: with what comes from now on, with all that is stored, or at a time in microseconds. */
export type ForwardFrom = "now" | "beginning" | bigint;

/** What an exporter is fed by. */
export interface ForwarderOptions {
  /** Name of its cursor. */
  name: string;
  exporter: Exporter;
  from: ForwardFrom;
  arrivals: Arrivals;
  cursors: CursorStore;
  clock: Clock;
  /** Numbers from 0 up to 1. */
  random: () => number;
  log: (line: string) => void;
}

/** Figures of one exporter. */
export interface ForwardStats extends OutletStats {
  name: string;
  /** Records that came again as they had been sent, and were not sent again. */
  repeated: number;
  /** Stored rows that it has not been given, at most; open spans and earlier versions are among them. */
  lagRecords: number;
  /** Age of the oldest of them. */
  lagSeconds: number;
  /** Whether it was given all that had come when it looked last. */
  isCurrent: boolean;
  /** Whether this server is the one that serves it; false while another does. */
  isServing: boolean;
}

/**
 * Gives one exporter what comes into the store, ended spans and log records, in the order it comes.
 *
 * I1. The cursor passes a record only when the backend took it, or refused it for good, which is counted. So an outage
 *     costs lag and nothing else, and nothing is held but a page.
 * I2. A record is sent once, but for what was sent since the cursor was last written when the server crashes or is frozen
 *     for so long that another serves the exporter. What comes into the store again is sent again only if it changed, as
 *     far as what was sent is remembered.
 * I3. An exporter that is slow, hangs or throws delays nobody else; nothing here throws into the server.
 * I4. At most one `export` is under way, and none begins while the cursor is not held.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  /** Told to send what there is and end; and to end at once. */
  readonly #leaving = new AbortController();
  readonly #stopping = new AbortController();
  readonly #sent = new SentRecords();
  readonly #outlet: Outlet;
  #repeated = 0;
  readonly #waiting: Record<TelemetryTable, number> = { spans: 0, logs: 0 };
  readonly #reported = new Set<string>();
  #held: HeldCursor | undefined;
  #cursor: Cursor | undefined;
  #horizon: Horizon = { nowUs: 0n, untilUs: 0n, readAtUs: 0 };
  #savedUs = 0;
  #isSaved = true;
  #running: Promise<void> | undefined;
  #failures = 0;
  #isCurrent = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#outlet = new Outlet({
      ...options,
      leaving: this.#leaving.signal,
      mayGoOn: () => this.#mayGoOn(),
      onAway: async () => {
        if (!this.#isSaved) await this.#trySave();
      },
    });
  }

  /** Begins. */
  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Sends what came until now, but for a backend that is away, and shuts the exporter down; what takes more than some
   * seconds is left for the next start. Never rejects.
   */
  async stop(): Promise<void> {
    const running = this.#running ?? Promise.resolve();
    this.#leaving.abort();
    if (!this.#outlet.isAway) await this.#within(running, STOP_MS.sending);
    this.#stopping.abort();
    await this.#within(running, STOP_MS.ending);
    await this.#within(this.#release(), STOP_MS.ending);
    await this.#within(this.#options.exporter.shutdown(), STOP_MS.ending);
  }

  /** Figures so far. */
  stats(): ForwardStats {
    const { spans, logs } = this.#cursor ?? {};
    const { nowUs, untilUs } = this.#horizon;
    const isServing = this.#held?.isHeld() ?? false;
    const behindUs = [spans, logs].map((each) => (each && each.us < nowUs ? nowUs - each.us : 0n));
    const lagRecords = this.#waiting.spans + this.#waiting.logs;
    // Held back, too, it lies behind, by what nobody can count.
    const isBehind = lagRecords > 0 || untilUs < nowUs;
    const lagSeconds = isServing && isBehind ? Math.max(...behindUs.map(Number)) / 1e6 : 0;
    return {
      name: this.#options.name,
      ...this.#outlet.stats(),
      ...(!isServing && { awaySinceUs: undefined }),
      repeated: this.#repeated,
      lagRecords,
      lagSeconds,
      isCurrent: this.#isCurrent,
      isServing,
    };
  }

  async #run(): Promise<void> {
    for (;;) {
      const held = await this.#take();
      if (!held) return;
      await this.#serve(held);
      if (this.#leaving.signal.aborted) return;
      this.#options.log(`exporter "${this.#options.name}": this server's lease has ended`);
      await this.#release();
      [this.#held, this.#cursor, this.#isSaved, this.#isCurrent] = [undefined, undefined, true, false];
      [this.#waiting.spans, this.#waiting.logs] = [0, 0];
    }
  }

  /** Waits for its turn; undefined when told to leave before. */
  async #take(): Promise<HeldCursor | undefined> {
    const { cursors, name } = this.#options;
    for (;;) {
      try {
        return await cursors.take(name, this.#leaving.signal);
      } catch (error) {
        this.#waits(error);
        await this.#pause(nextDelayMs(++this.#failures, this.#options.random()));
        if (this.#leaving.signal.aborted) return undefined;
      }
    }
  }

  async #serve(held: HeldCursor): Promise<void> {
    this.#held = held;
    for (let isLast = false; !isLast && held.isHeld(); ) {
      isLast = this.#leaving.signal.aborted;
      try {
        await this.#catchUp(held);
        this.#failures = 0;
        if (!isLast) await this.#pause(LOOK_MS);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#waits(error);
        await this.#pause(nextDelayMs(++this.#failures, this.#options.random()));
      }
    }
  }

  /** Lets another server have it. Never rejects. */
  async #release(): Promise<void> {
    try {
      await this.#held?.release(this.#isSaved ? undefined : this.#cursor);
    } catch (error) {
      this.#cannotSave(error);
    }
  }

  /** Gives on all that came up to now. */
  async #catchUp(held: HeldCursor): Promise<void> {
    const before = this.#cursor && this.#horizon;
    this.#horizon = await this.#options.arrivals.horizon();
    const { nowUs, untilUs } = this.#horizon;
    this.#cursor ??= held.cursor ?? (await this.#begin(held, nowUs));
    this.#isCurrent = this.#cursor.spans.us >= untilUs;
    this.#goBack(this.#cursor, before);
    for (const table of ["spans", "logs"] as const) await this.#catchUpWith(table, this.#cursor);
    if (!held.isHeld()) return;
    this.#reported.delete("read");
    this.#isCurrent = true;
    const savedAgoUs = this.#options.clock.nowUs() - this.#savedUs;
    if (!this.#isSaved || savedAgoUs >= IDLE_SAVE_US) await this.#save();
  }

  /** A new cursor is written at once: what comes from now on is due, whatever happens. */
  async #begin(held: HeldCursor, nowUs: bigint): Promise<Cursor> {
    const { from } = this.#options;
    const us = from === "now" ? nowUs : from === "beginning" ? 0n : from;
    const cursor = { spans: { us, place: "" }, logs: { us, place: "" } };
    await held.save(cursor);
    return cursor;
  }

  /** What came since the store's clock was set back has times that were passed: they are read again. */
  #goBack(cursor: Cursor, before: Horizon | undefined): void {
    const { nowUs, readAtUs } = this.#horizon;
    const passedUs = before && BigInt(Math.round(readAtUs - before.readAtUs));
    const backUs = before && passedUs !== undefined ? before.nowUs + passedUs - nowUs : 0n;
    const isBack = backUs > CLOCK_US || (cursor.spans.us > nowUs && !this.#isAhead());
    if (!isBack) return;
    this.#options.log(
      `exporter "${this.#options.name}": the store's clock was set back; what came since is read again`,
    );
    const againUs = before && backUs > CLOCK_US ? before.nowUs - backUs - CLOCK_US : nowUs - READ_AGAIN_US;
    for (const table of ["spans", "logs"] as const) {
      if (cursor[table].us > againUs) cursor[table] = { us: againUs, place: "" };
    }
  }

  async #catchUpWith(table: TelemetryTable, cursor: Cursor): Promise<void> {
    const { arrivals } = this.#options;
    const { untilUs: horizonUs } = this.#horizon;
    if (cursor[table].us >= horizonUs) return;
    const pieces = await arrivals.pieces(table, cursor[table].us, horizonUs);
    this.#waiting[table] = pieces.reduce((sum, { rows }) => sum + rows, 0);
    for (const { fromUs, untilUs, rows } of pieces) {
      if (cursor[table].us < fromUs) cursor[table] = { us: fromUs, place: "" };
      while (cursor[table].us < untilUs) {
        if (!(await this.#passPage(table, cursor, untilUs))) return;
      }
      this.#waiting[table] -= rows;
    }
    cursor[table] = { us: horizonUs, place: "" };
  }

  /** Whether it is to begin at a time that has not come. */
  #isAhead(): boolean {
    const { from } = this.#options;
    return typeof from === "bigint" && from > this.#horizon.nowUs;
  }

  /** Gives on one page; false when it was told to stop before all of it was taken. */
  async #passPage(table: TelemetryTable, cursor: Cursor, untilUs: bigint): Promise<boolean> {
    const { arrivals } = this.#options;
    const limits = { maxRows: PAGE_ROWS, maxBytes: PAGE_BYTES, signal: this.#stopping.signal };
    const page = await arrivals.page(table, cursor[table], untilUs, limits);
    if (!(await this.#passRows(table, page))) return false;
    cursor[table] = page.position;
    this.#isSaved = false;
    if (this.#options.clock.nowUs() - this.#savedUs >= SAVE_US) await this.#save();
    return true;
  }

  async #passRows(table: TelemetryTable, { batches }: ArrivalPage): Promise<boolean> {
    const tasks = new PageTasks(this.#options.arrivals, table === "spans" ? batches : []);
    for (const { ipc } of batches) {
      for (const batch of tableFromIPC(ipc).batches) {
        for (let from = 0; from < batch.numRows; from += PART.maxRecords) {
          const rows = rangeOf(from, Math.min(from + PART.maxRecords, batch.numRows));
          if (!(await this.#passSlice(table, batch, { rows, tasks }))) return false;
          await nextTurn();
        }
      }
    }
    return true;
  }

  async #passSlice(
    table: TelemetryTable,
    batch: RecordBatch,
    slice: { rows: readonly number[]; tasks: PageTasks },
  ): Promise<boolean> {
    const { rows, keys } = newRows(batch, slice.rows, this.#sent);
    this.#repeated += slice.rows.length - rows.length;
    if (rows.length === 0) return true;
    const records = table === "spans" ? spansToOtlp(batch, rows) : logsToOtlp(batch, rows);
    for (const part of splitBatch(await this.#shape(records, slice.tasks), PART)) {
      if (!(await this.#outlet.send(part.batch, part.size.spans + part.size.logRecords))) return false;
    }
    for (const { record, content } of keys) this.#sent.add(record, content);
    return true;
  }

  async #shape(records: TelemetryBatch, tasks: PageTasks): Promise<TelemetryBatch> {
    const { shape } = this.#options.exporter;
    if (!shape) return records;
    const shaped = shape(records, tasks.find);
    if (!tasks.isWanted) return shaped;
    await tasks.load();
    return shape(records, tasks.find);
  }

  #mayGoOn(): boolean {
    return !this.#stopping.signal.aborted && this.#held?.isHeld() === true;
  }

  async #save(): Promise<void> {
    if (!this.#cursor) return;
    await this.#held?.save(this.#cursor);
    this.#savedUs = this.#options.clock.nowUs();
    this.#isSaved = true;
  }

  async #trySave(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#cannotSave(error);
    }
  }

  /** Sending goes on, or ends; what was sent since the cursor was written is sent again after a crash. */
  #cannotSave(error: unknown): void {
    this.#report("save", `exporter "${this.#options.name}": cannot write its cursor: ${messageOf(error)}`);
  }

  #waits(error: unknown): void {
    this.#report("read", `exporter "${this.#options.name}" waits: ${messageOf(error)}`);
  }

  /** Waits; less when told to leave. */
  #pause(delayMs: number): Promise<void> {
    return pause(this.#options.clock, delayMs, this.#leaving.signal);
  }

  /** Waits for something for some seconds at most, and whatever becomes of it. */
  async #within(work: Promise<unknown>, delayMs: number): Promise<void> {
    // What fails at the end has been told, or concerns nobody any more.
    await within(this.#options.clock, work, delayMs).catch(() => undefined);
  }

  /** Tells of a kind of trouble once, until it is over. */
  #report(kind: string, line: string): void {
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    this.#options.log(line);
  }
}

/** Rows that were not sent as they are, and what to remember of them. */
function newRows(batch: RecordBatch, all: readonly number[], sent: SentRecords) {
  const cells = cellsOf(batch);
  const [record, content] = [cells.long("record_key"), cells.long("content_key")];
  const rows = all.filter((row) => !sent.has(record(row), content(row)));
  return { rows, keys: rows.map((row) => ({ record: record(row), content: content(row) })) };
}

function rangeOf(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, i) => from + i);
}

function messageOf(error: unknown): string {
  return error instanceof SpanloomError || error instanceof Error ? error.message : String(error);
}
