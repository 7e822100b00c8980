import { IdIndex } from "./id-index.ts";

/** A span as it comes. */
export interface SpanRow {
  idHigh: number;
  idLow: number;
  parentHigh: number;
  parentLow: number;
  /** Nanoseconds from the first span's start. */
  start: number;
  /** As `start`; NaN while it is open. */
  end: number;
  /** Number of its name. */
  name: number;
  facts: number;
  attempt: number;
  /** What it waited before it started, or a task without an attempt, milliseconds; NaN while it is still blocked. */
  blockedMs: number;
  queuedMs: number;
  backoffMs: number;
}

const FIRST_ROWS = 1_024;

/**
 * Spans as typed arrays, one row for each span id.
 *
 * I1. A span that comes again replaces what was known of it, in its row: rows never move and are never taken away.
 * I2. Only the first `count` elements of a column mean something.
 */
export class SpanColumns {
  count = 0;
  idHigh = new Uint32Array(FIRST_ROWS);
  idLow = new Uint32Array(FIRST_ROWS);
  parentHigh = new Uint32Array(FIRST_ROWS);
  parentLow = new Uint32Array(FIRST_ROWS);
  start = new Float64Array(FIRST_ROWS);
  end = new Float64Array(FIRST_ROWS);
  name = new Int32Array(FIRST_ROWS);
  facts = new Uint8Array(FIRST_ROWS);
  attempt = new Uint16Array(FIRST_ROWS);
  blockedMs = new Float32Array(FIRST_ROWS);
  queuedMs = new Float32Array(FIRST_ROWS);
  backoffMs = new Float32Array(FIRST_ROWS);
  readonly #index = new IdIndex();

  /** Adds a span, or replaces what was known of it. Gives its row. */
  put(span: SpanRow): number {
    let row = this.rowOf(span.idHigh, span.idLow);
    if (row === -1) {
      row = this.count;
      if (row === this.start.length) this.#grow(4 * row);
      this.count += 1;
      this.#index.add(span.idHigh, span.idLow, row);
    }
    this.idHigh[row] = span.idHigh;
    this.idLow[row] = span.idLow;
    this.parentHigh[row] = span.parentHigh;
    this.parentLow[row] = span.parentLow;
    this.start[row] = span.start;
    this.end[row] = span.end;
    this.name[row] = span.name;
    this.facts[row] = span.facts;
    this.attempt[row] = span.attempt;
    this.blockedMs[row] = span.blockedMs;
    this.queuedMs[row] = span.queuedMs;
    this.backoffMs[row] = span.backoffMs;
    return row;
  }

  /** The row of a span id; -1 when it has not come. */
  rowOf(high: number, low: number): number {
    return this.#index.rowOf(high, low);
  }

  #grow(rows: number): void {
    this.idHigh = grown(this.idHigh, new Uint32Array(rows));
    this.idLow = grown(this.idLow, new Uint32Array(rows));
    this.parentHigh = grown(this.parentHigh, new Uint32Array(rows));
    this.parentLow = grown(this.parentLow, new Uint32Array(rows));
    this.start = grown(this.start, new Float64Array(rows));
    this.end = grown(this.end, new Float64Array(rows));
    this.name = grown(this.name, new Int32Array(rows));
    this.facts = grown(this.facts, new Uint8Array(rows));
    this.attempt = grown(this.attempt, new Uint16Array(rows));
    this.blockedMs = grown(this.blockedMs, new Float32Array(rows));
    this.queuedMs = grown(this.queuedMs, new Float32Array(rows));
    this.backoffMs = grown(this.backoffMs, new Float32Array(rows));
  }
}

function grown<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
