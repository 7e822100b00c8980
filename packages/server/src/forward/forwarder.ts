import { setImmediate as nextTurn } from "node:timers/promises";
import { type Exporter, splitBatch } from "@spanloom/exporter";
import { SpanloomError } from "@spanloom/protocol";
import { type RecordBatch, tableFromIPC } from "apache-arrow";
import type { Clock } from "../clock.ts";
import type { TelemetryTable } from "../telemetry/columnar/span-store.ts";
import type { ArrivalPage, Arrivals } from "../telemetry/telemetry.ts";
import { cellsOf } from "./cells.ts";
import type { Cursor, CursorStore } from "./cursor-file.ts";
import { logsToOtlp, spansToOtlp } from "./otlp-batch.ts";
import { nextDelayMs, Outlet, type OutletStats } from "./outlet.ts";
import { SentSpans } from "./sent-spans.ts";
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
/** How far back it begins again when the store's clock was set back. */
const READ_AGAIN_US = 60_000_000n;
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
  /** Stored rows that it has not been given, at most; open spans and earlier versions are among them. */
  lagRecords: number;
  /** Age of the oldest of them. */
  lagSeconds: number;
  /** Whether it was given all that had come when it looked last. */
  isCurrent: boolean;
}

/**
 * Gives one exporter what comes into the store, ended spans and log records, in the order it comes.
 *
 * I1. The cursor passes a record only when the backend took it, or refused it for good, which is counted. So an outage
 *     costs lag and nothing else, and nothing is held but a page.
 * I2. A record is sent once, but for what was sent since the cursor was last written when the server crashes, and rows
 *     that the store got again. A span of the server's own record that was written again is sent again only if it changed.
 * I3. An exporter that is slow, hangs or throws delays nobody else; nothing here throws into the server.
 * I4. At most one `export` is under way.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  /** Told to send what there is and end; and to end at once. */
  readonly #leaving = new AbortController();
  readonly #stopping = new AbortController();
  readonly #sent = new SentSpans();
  readonly #outlet: Outlet;
  readonly #waiting: Record<TelemetryTable, number> = { spans: 0, logs: 0 };
  readonly #reported = new Set<string>();
  #cursor: Cursor | undefined;
  #horizonUs = 0n;
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
      mayGoOn: () => !this.#stopping.signal.aborted,
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
    await this.#within(this.#trySave(), STOP_MS.ending);
    await this.#within(this.#options.exporter.shutdown(), STOP_MS.ending);
  }

  /** Figures so far. */
  stats(): ForwardStats {
    const { spans, logs } = this.#cursor ?? {};
    const behindUs = [spans, logs].map((each) => (each && each.us < this.#horizonUs ? this.#horizonUs - each.us : 0n));
    const lagRecords = this.#waiting.spans + this.#waiting.logs;
    const lagSeconds = lagRecords === 0 ? 0 : Math.max(...behindUs.map(Number)) / 1e6;
    return { name: this.#options.name, ...this.#outlet.stats(), lagRecords, lagSeconds, isCurrent: this.#isCurrent };
  }

  async #run(): Promise<void> {
    for (let isLast = false; !isLast; ) {
      isLast = this.#leaving.signal.aborted;
      try {
        await this.#catchUp();
        this.#failures = 0;
        if (!isLast) await this.#pause(LOOK_MS);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#report("read", `exporter "${this.#options.name}" waits: ${messageOf(error)}`);
        await this.#pause(nextDelayMs(++this.#failures, this.#options.random()));
      }
    }
  }

  /** Gives on all that came up to now. */
  async #catchUp(): Promise<void> {
    const { arrivals } = this.#options;
    this.#horizonUs = await arrivals.horizon();
    this.#isCurrent = this.#cursor !== undefined && this.#cursor.spans.us >= this.#horizonUs;
    this.#cursor ??= await this.#begin(this.#horizonUs);
    for (const table of ["spans", "logs"] as const) await this.#catchUpWith(table, this.#cursor);
    this.#reported.delete("read");
    this.#isCurrent = true;
    const savedAgoUs = this.#options.clock.nowUs() - this.#savedUs;
    if (!this.#isSaved || savedAgoUs >= IDLE_SAVE_US) await this.#save();
  }

  /** A new cursor is written at once: what comes from now on is due, whatever happens. */
  async #begin(nowUs: bigint): Promise<Cursor> {
    const { name, cursors, from } = this.#options;
    const known = await cursors.load(name);
    if (known) return known;
    const us = from === "now" ? nowUs : from === "beginning" ? 0n : from;
    const cursor = { spans: { us, place: "" }, logs: { us, place: "" } };
    await cursors.save(name, cursor);
    return cursor;
  }

  async #catchUpWith(table: TelemetryTable, cursor: Cursor): Promise<void> {
    const { arrivals, name, log } = this.#options;
    if (cursor[table].us > this.#horizonUs && !this.#isAhead()) {
      log(`exporter "${name}": the store's clock was set back; the last minute is sent again`);
      cursor[table] = { us: this.#horizonUs - READ_AGAIN_US, place: "" };
    }
    if (cursor[table].us >= this.#horizonUs) return;
    const pieces = await arrivals.pieces(table, cursor[table].us, this.#horizonUs);
    this.#waiting[table] = pieces.reduce((sum, { rows }) => sum + rows, 0);
    for (const { fromUs, untilUs, rows } of pieces) {
      if (cursor[table].us < fromUs) cursor[table] = { us: fromUs, place: "" };
      while (cursor[table].us < untilUs) {
        if (!(await this.#passPage(table, cursor, untilUs))) return;
      }
      this.#waiting[table] -= rows;
    }
    cursor[table] = { us: this.#horizonUs, place: "" };
  }

  /** Whether it is to begin at a time that has not come. */
  #isAhead(): boolean {
    const { from } = this.#options;
    return typeof from === "bigint" && from > this.#horizonUs;
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
    for (const { ipc } of batches) {
      for (const batch of tableFromIPC(ipc).batches) {
        for (let from = 0; from < batch.numRows; from += PART.maxRecords) {
          const rows = rangeOf(from, Math.min(from + PART.maxRecords, batch.numRows));
          if (!(await this.#passSlice(table, batch, rows))) return false;
          await nextTurn();
        }
      }
    }
    return true;
  }

  async #passSlice(table: TelemetryTable, batch: RecordBatch, all: readonly number[]): Promise<boolean> {
    const { exporter } = this.#options;
    const changes = table === "spans" ? changesOf(batch, all, this.#sent) : undefined;
    const rows = changes?.rows ?? all;
    if (rows.length === 0) return true;
    const records = table === "spans" ? spansToOtlp(batch, rows) : logsToOtlp(batch, rows);
    for (const part of splitBatch(exporter.shape?.(records) ?? records, PART)) {
      if (!(await this.#outlet.send(part.batch, part.size.spans + part.size.logRecords))) return false;
    }
    for (const { span, content } of changes?.spans ?? []) this.#sent.add(span, content);
    return true;
  }

  async #save(): Promise<void> {
    const { cursors, name, clock } = this.#options;
    if (!this.#cursor) return;
    await cursors.save(name, this.#cursor);
    this.#savedUs = clock.nowUs();
    this.#isSaved = true;
  }

  async #trySave(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      // Sending goes on, or ends; what was sent since the cursor was written is sent again after a crash.
      this.#report("save", `exporter "${this.#options.name}": cannot write its cursor: ${messageOf(error)}`);
    }
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

/** Rows that were not sent as they are, and those of them to remember. */
function changesOf(batch: RecordBatch, rows: readonly number[], sent: SentSpans) {
  const cells = cellsOf(batch);
  const [place, content] = [cells.text("place"), cells.long("content_key")];
  const changed = rows.filter((row) => content(row) === 0n || !sent.has(place(row), content(row)));
  const remembered = changed.filter((row) => content(row) !== 0n);
  return { rows: changed, spans: remembered.map((row) => ({ span: place(row), content: content(row) })) };
}

function rangeOf(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, i) => from + i);
}

function messageOf(error: unknown): string {
  return error instanceof SpanloomError || error instanceof Error ? error.message : String(error);
}
