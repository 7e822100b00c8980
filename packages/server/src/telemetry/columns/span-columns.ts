import { toArrowStream } from "./arrow-writer.ts";
import type { Column } from "./column.ts";
import { FixedColumn } from "./fixed-column.ts";
import { MapColumn, StructListColumn } from "./nested-column.ts";
import { LongColumn, Uint32Column } from "./number-column.ts";
import { Utf8Column } from "./utf8-column.ts";

/** Duration of a span that has not ended, as two halves of -1. */
const OPEN = 0xffffffff;

/**
 * Rows for the spans table: one column for each column of its insert schema, by name.
 *
 * Ids are bytes (zero is none), times nanoseconds, `duration_ns` -1 while open, everything else as queries return it.
 * A row is complete when every column has it: writers append to all, and `truncate` undoes a row begun.
 */
export function spanColumns() {
  return {
    trace_id: new FixedColumn(16),
    span_id: new FixedColumn(8),
    parent_span_id: new FixedColumn(8),
    name: new Utf8Column(),
    kind: new Utf8Column(),
    type: new Utf8Column(),
    start_time: new LongColumn("timestamp"),
    duration_ns: new LongColumn("int64"),
    status: new Utf8Column(),
    status_message: new Utf8Column(),
    ...originColumns(),
    outcome: new Utf8Column(),
    trace_state: new Utf8Column(),
    flags: new Uint32Column(),
    attributes: new MapColumn(),
    attribute_types: new MapColumn(),
    ...envelopeColumns(),
    events: new StructListColumn({
      time: new LongColumn("timestamp"),
      name: new Utf8Column(),
      attributes: new MapColumn(),
      attribute_types: new MapColumn(),
      dropped_attributes: new Uint32Column(),
    }),
    links: new StructListColumn({
      trace_id: new Utf8Column(),
      span_id: new Utf8Column(),
      trace_state: new Utf8Column(),
      attributes: new MapColumn(),
      attribute_types: new MapColumn(),
      flags: new Uint32Column(),
      dropped_attributes: new Uint32Column(),
    }),
    dropped_attributes: new Uint32Column(),
    dropped_events: new Uint32Column(),
    dropped_links: new Uint32Column(),
    version: new LongColumn("uint64"),
  };
}

/** Columns that say where a record comes from; spans and logs have them alike. */
export function originColumns() {
  return {
    job_id: new FixedColumn(16),
    job_name: new Utf8Column(),
    task_id: new FixedColumn(16),
    task_name: new Utf8Column(),
    task_version: new Utf8Column(),
    attempt: new Uint32Column(),
    queue: new Utf8Column(),
    runner_id: new Utf8Column(),
    service_name: new Utf8Column(),
  };
}

/** Columns that say what a record's resource and scope are; spans and logs have them alike. */
export function envelopeColumns() {
  return {
    scope_name: new Utf8Column(),
    scope_version: new Utf8Column(),
    resource_schema_url: new Utf8Column(),
    scope_schema_url: new Utf8Column(),
    resource_dropped_attributes: new Uint32Column(),
    scope_dropped_attributes: new Uint32Column(),
    resource_attributes: new MapColumn(),
    resource_attribute_types: new MapColumn(),
    scope_attributes: new MapColumn(),
    scope_attribute_types: new MapColumn(),
  };
}

/** Columns of the spans table. */
export type SpanColumns = ReturnType<typeof spanColumns>;

/** Columns that say where a record comes from. */
export type OriginColumns = ReturnType<typeof originColumns>;

/** Columns that say what a record's resource and scope are. */
export type EnvelopeColumns = ReturnType<typeof envelopeColumns>;

/**
 * Rows for the logs table. `ingest_id` names a record by its payload's place in the spool and its own in the payload,
 * `writer` the spool.
 */
export function logColumns() {
  return {
    time: new LongColumn("timestamp"),
    observed_time: new LongColumn("timestamp"),
    trace_id: new FixedColumn(16),
    span_id: new FixedColumn(8),
    severity_number: new Uint32Column(),
    severity: new Utf8Column(),
    body: new Utf8Column(),
    body_type: new Utf8Column(),
    ...originColumns(),
    event_name: new Utf8Column(),
    flags: new Uint32Column(),
    attributes: new MapColumn(),
    attribute_types: new MapColumn(),
    ...envelopeColumns(),
    dropped_attributes: new Uint32Column(),
    ingest_id: new LongColumn("uint64"),
    writer: new LongColumn("uint64"),
  };
}

/** Columns of the logs table. */
export type LogColumns = ReturnType<typeof logColumns>;

/** Rows of one table on their way to the store. */
export class RowBuilder<Columns extends Readonly<Record<string, Column>>> {
  readonly columns: Columns;
  readonly #all: readonly Column[];

  constructor(columns: Columns) {
    this.columns = columns;
    this.#all = Object.values(columns);
  }

  /** Complete rows. */
  get rows(): number {
    return this.#all[0]!.length;
  }

  /** Bytes the rows take. */
  byteSize(): number {
    return this.#all.reduce((sum, column) => sum + column.byteSize(), 0);
  }

  /** Forgets rows from `rows` on and what was begun of the next. */
  truncate(rows: number): void {
    for (const column of this.#all) column.truncate(rows);
  }

  /** Name of a column with text that is not UTF-8 among rows from `rows` on. */
  invalidText(rows: number): string | undefined {
    for (const name in this.columns) if (this.columns[name]!.hasInvalidText(rows)) return name;
    return undefined;
  }

  /** The rows as one Arrow IPC stream in parts; they lend the live arrays, so no row may be written while they are in use. */
  finish(): Uint8Array[] {
    return toArrowStream(this.columns);
  }
}

/** Appends the duration of an open span. */
export function appendOpen(duration: LongColumn): void {
  duration.append(OPEN, OPEN);
}
