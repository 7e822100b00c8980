import type { RecordBatch } from "apache-arrow";

/** The columns of log records that are shown. */
export const logColumns = [
  "time",
  "severity_number",
  "severity",
  "body",
  "span_id",
  "task_id",
  "task_name",
  "attempt",
  "runner_id",
  "scope_name",
  "event_name",
  "attributes",
] as const;

/** A log record, as it is shown. */
export interface LogLine {
  timeMs: number;
  severity: SeverityName;
  body: string;
  /** Empty where there is none, as the others. */
  spanId: string;
  taskId: string;
  taskName: string;
  attempt: number;
  runnerId: string;
  scopeName: string;
  eventName: string;
}

/** How grave a record is; what gave no severity is `none`. */
export type SeverityName = "none" | "trace" | "debug" | "info" | "warn" | "error" | "fatal";

const severityNames: readonly SeverityName[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** The name of a severity number of OpenTelemetry, of which four each have one. */
export function severityName(severity: number): SeverityName {
  return severityNames[Math.floor((severity - 1) / 4)] ?? "none";
}

/**
 * Log records as their batches have them, in order of time; what is shown of one is read when it is.
 *
 * I1. Lines are in order of time, those of one time as they came.
 * I2. A record that comes again in a later batch, as tails may send it, is there once; alike ones of one batch all are.
 * I3. At most so many are kept, or one batch: beyond, those that came first are dropped.
 */
export class LogLines {
  readonly #most: number;
  readonly #batches: RecordBatch[] = [];
  #order: LogRecord[] = [];
  #dropped = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#order.length;
  }

  /** How many records came and are not kept. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes records in. */
  put(batch: RecordBatch): void {
    if (batch.numRows === 0) return;
    const times = batch.getChild("time")!;
    const all = Array.from({ length: batch.numRows }, (_, row) => ({ batch, row, timeMs: Number(times.get(row)) }));
    const known = this.#knownAmong(all);
    const places = all.filter((record) => !known.has(record));
    if (places.length === 0) return;
    this.#batches.push(batch);
    const earliest = places.reduce((least, { timeMs }) => Math.min(least, timeMs), Number.POSITIVE_INFINITY);
    // What came before is in order: only what is later than the earliest of the new has to be sorted again.
    const from = this.#firstAfter(earliest);
    const later = this.#order.splice(from).concat(places);
    for (const place of later.sort((a, b) => a.timeMs - b.timeMs)) this.#order.push(place);
    this.#trim();
  }

  /** A line from the top. */
  at(line: number): LogLine {
    const { batch, row, timeMs } = this.#order[line]!;
    const text = (column: string) => String(batch.getChild(column)?.get(row) ?? "");
    const number = (column: string) => Number(batch.getChild(column)?.get(row) ?? 0);
    return {
      timeMs,
      severity: severityName(number("severity_number")),
      body: text("body"),
      spanId: text("span_id"),
      taskId: text("task_id"),
      taskName: text("task_name"),
      attempt: number("attempt"),
      runnerId: text("runner_id"),
      scopeName: text("scope_name"),
      eventName: text("event_name"),
    };
  }

  /** What stays with a line's record when lines before it come or go. */
  recordAt(line: number): LogRecord {
    return this.#order[line]!;
  }

  /** The line of a record; -1 when it is not kept any more. */
  lineOf(record: LogRecord): number {
    return this.#order.indexOf(record);
  }

  /** The attributes of a line's record, its own before those that say where it belongs. */
  attributesAt(line: number): Readonly<Record<string, string>> {
    const { batch, row } = this.#order[line]!;
    const map = batch.getChild("attributes")?.get(row) as { toJSON(): object } | null | undefined;
    const entries = Object.entries(map?.toJSON() ?? {}).map(([key, value]) => [key, String(value)] as const);
    const isPlace = (key: string) => key.startsWith("spanloom.");
    return Object.fromEntries(entries.sort(([a], [b]) => Number(isPlace(a)) - Number(isPlace(b))));
  }

  /** The records that came before: of alike ones as many as there are lines. Only what has the time of a line is read. */
  #knownAmong(records: readonly LogRecord[]): ReadonlySet<LogRecord> {
    const known = new Set<LogRecord>();
    for (const [timeMs, group] of Map.groupBy(records, (record) => record.timeMs)) {
      const counts = new Map<string, number>();
      for (let line = this.#firstAfter(timeMs) - 1; line >= 0 && this.#order[line]!.timeMs === timeMs; line--) {
        const key = contentOf(this.#order[line]!);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      if (counts.size === 0) continue;
      for (const record of group) {
        const key = contentOf(record);
        const left = counts.get(key) ?? 0;
        if (left > 0) known.add(record);
        counts.set(key, left - 1);
      }
    }
    return known;
  }

  #firstAfter(timeMs: number): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#order[middle]!.timeMs <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #trim(): void {
    const before = this.count;
    let [gone, left] = [0, before];
    for (; left > this.#most && gone < this.#batches.length - 1; gone++) left -= this.#batches[gone]!.numRows;
    if (gone === 0) return;
    const oldest = new Set(this.#batches.splice(0, gone));
    this.#order = this.#order.filter(({ batch }) => !oldest.has(batch));
    this.#dropped += before - this.count;
  }
}

/** A record, by where it is. */
export interface LogRecord {
  readonly batch: RecordBatch;
  readonly row: number;
  readonly timeMs: number;
}

/** What tells records of one time apart. */
function contentOf({ batch, row }: LogRecord): string {
  return JSON.stringify(
    ["span_id", "severity_number", "body", "event_name"].map((column) => batch.getChild(column)?.get(row) ?? null),
  );
}
