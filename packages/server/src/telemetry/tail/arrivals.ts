import { SpanloomError } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import type { Clock } from "../../clock.ts";
import type { ArrowBatch, SpanStore, Statement, TelemetryTable } from "../columnar/span-store.ts";
import { LATE_MS } from "../peer-barrier.ts";
import { planArrivalPage } from "../query/arrival-plan.ts";
import { nowStatement } from "../query/tail-plan.ts";
import { planTasks } from "../query/task-plan.ts";
import type { ArrivalPage, ArrivalPiece, ArrivalPosition, Arrivals, Horizon, TaskSpan } from "../telemetry.ts";
import { cutWindow } from "./cut-window.ts";

/** About how many stored rows a page is searched among; more only where one insert brought more. */
const ROWS_AT_A_TIME = 16_384n;
/** Tasks of one statement: their names are its parameters, some 60 bytes each. */
const TASKS_AT_A_TIME = 2_000;

/**
 * How long after the clock of a shared store was read the barrier is passed. So an insert that begins after the barrier
 * has a later time also when the clocks of ClickHouse's servers differ by that much, or one is set back by it.
 */
const CLOCKS_MS = 1_000;

/** What a row takes as long as none has been read, and by how much more rows do that were too large to be read. */
const ROW_BYTES = 1_024;
const LARGER = 8;

/** What arrivals are read from. */
export interface ArrivalReaderOptions {
  store: Pick<SpanStore, "stream">;
  /** Resolves when all that was accepted before the call is in the store; with false when that is not known of every server. */
  barrier: () => Promise<boolean>;
  /** A number that grows with everything accepted here. Absent when others write to the store, too. */
  accepted?: () => number;
  clock: Clock;
}

/**
 * Reads what came into the store in the order it came.
 *
 * The store's clock is read first and the barrier passed after it, so every row with an earlier time of insertion is
 * visible: what is read up to there is complete, however many servers write. While one of them does not answer, or is
 * gone since shortly, what it was inserting may come for another while: so long the horizon lies behind by as much.
 * Without anything accepted nothing is asked, where this server alone writes.
 */
export class ArrivalReader implements Arrivals {
  readonly #options: ArrivalReaderOptions;
  /** Of the rows read last, for how many to ask: a page is held whole. */
  readonly #rowBytes: Record<TelemetryTable, number> = { spans: ROW_BYTES, logs: ROW_BYTES };
  #looking: Promise<Horizon> | undefined;
  #horizon: Horizon | undefined;
  #accepted: number | undefined;

  constructor(options: ArrivalReaderOptions) {
    this.#options = options;
  }

  horizon(): Promise<Horizon> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<Horizon> {
    const { accepted, barrier, clock } = this.#options;
    const before = accepted?.();
    if (before !== undefined && before === this.#accepted && this.#horizon) return this.#horizon;
    // What is written already need not wait for the next look.
    if (before !== undefined) await barrier();
    const nowUs = await this.#nowUs();
    const readAtUs = clock.nowUs();
    if (before === undefined) await new Promise<void>((resolve) => clock.schedule(resolve, CLOCKS_MS));
    const isSure = await barrier();
    this.#accepted = before;
    this.#horizon = { nowUs, readAtUs, untilUs: isSure ? nowUs : nowUs - BigInt(LATE_MS * 1000) };
    return this.#horizon;
  }

  async pieces(table: TelemetryTable, fromUs: bigint, untilUs: bigint): Promise<ArrivalPiece[]> {
    const pieces = await cutWindow(this.#options.store, table, { fromUs, untilUs }, ROWS_AT_A_TIME);
    return pieces.filter(({ rows }) => rows > 0n).map((piece) => ({ ...piece, rows: Number(piece.rows) }));
  }

  async page(
    table: TelemetryTable,
    from: ArrivalPosition,
    untilUs: bigint,
    limits: { maxRows: number; maxBytes: number; signal: AbortSignal },
  ): Promise<ArrivalPage> {
    const rowsAsked = Math.max(1, Math.min(limits.maxRows, Math.floor(limits.maxBytes / this.#rowBytes[table])));
    const window = { fromUs: from.us, untilUs };
    const statement = planArrivalPage(table, { window, place: from.place, maxRows: rowsAsked });
    const batches = await this.#read(table, statement, limits.signal);
    const isLast = batches.reduce((sum, { rows }) => sum + rows, 0) < rowsAsked;
    const last = batches.at(-1);
    return { batches, position: isLast || !last ? { us: untilUs, place: "" } : positionAfter(last) };
  }

  async tasks(tasks: readonly TaskSpan[]): Promise<readonly ArrowBatch[]> {
    const batches: ArrowBatch[] = [];
    for (let from = 0; from < tasks.length; from += TASKS_AT_A_TIME) {
      const statement = planTasks(tasks.slice(from, from + TASKS_AT_A_TIME));
      for await (const batch of this.#options.store.stream(statement)) if (batch.rows > 0) batches.push(batch);
    }
    return batches;
  }

  async #read(table: TelemetryTable, statement: Statement, signal: AbortSignal): Promise<ArrowBatch[]> {
    const batches: ArrowBatch[] = [];
    let [rows, bytes] = [0, 0];
    try {
      for await (const batch of this.#options.store.stream(statement, signal)) {
        if (batch.rows === 0) continue;
        batches.push(batch);
        rows += batch.rows;
        bytes += batch.ipc.byteLength;
      }
    } catch (error) {
      if (error instanceof SpanloomError && error.reason === "OVERLOADED") this.#rowBytes[table] *= LARGER;
      throw error;
    }
    if (rows > 0) this.#rowBytes[table] = bytes / rows;
    return batches;
  }

  async #nowUs(): Promise<bigint> {
    let nowUs = 0n;
    for await (const { ipc, rows } of this.#options.store.stream(nowStatement)) {
      if (rows > 0) nowUs = tableFromIPC(ipc).getChild("now")?.get(0) as bigint;
    }
    return nowUs;
  }
}

function positionAfter({ ipc }: ArrowBatch): ArrivalPosition {
  const table = tableFromIPC(ipc);
  const last = (name: string) => table.getChild(name)?.get(table.numRows - 1) as unknown;
  return { us: last("arrived") as bigint, place: last("place") as string };
}
