import type { RecordBatch } from "apache-arrow";
import type { SpanColumn } from "../schema.ts";
import { attributeWriter, type WriteAttribute } from "./attribute-json.ts";
import { cellsOf, itemsOf, type RowCells } from "./row-cells.ts";

/** A span as a timeline needs it. */
export interface TraceRow {
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly type: string;
  readonly startNs: bigint;
  /** undefined while open. */
  readonly endNs: bigint | undefined;
  readonly runner: string;
  readonly service: string;
  /** What is shown of it besides, as members of a JSON object. */
  readonly facts: string;
  readonly events: readonly { readonly timeNs: bigint; readonly name: string; readonly facts: string }[];
  readonly links: readonly { readonly spanId: string; readonly kind: string }[];
}

/** Columns that {@link traceRows} reads. */
export const traceColumns: readonly SpanColumn[] = [
  "trace_id",
  "span_id",
  "parent_span_id",
  "name",
  "type",
  "start_time",
  "duration_ns",
  "status",
  "status_message",
  "outcome",
  "runner_id",
  "service_name",
  "attributes",
  "attribute_types",
  "events",
  "links",
];

/** The spans of a batch, one at a time. */
export function* traceRows(batch: RecordBatch): Generator<TraceRow> {
  const cells = cellsOf(batch);
  const [spanId, parentId, name] = [cells.text("span_id"), cells.text("parent_span_id"), cells.text("name")];
  const [type, runner, service] = [cells.text("type"), cells.text("runner_id"), cells.text("service_name")];
  const [start, duration] = [cells.int64("start_time"), cells.int64("duration_ns")];
  const [facts, events, links] = [factsOf(cells), eventsOf(cells), linksOf(cells)];
  for (let row = 0; row < batch.numRows; row++) {
    const startNs = start(row)!;
    const lastedNs = duration(row);
    yield {
      spanId: spanId(row),
      parentId: parentId(row),
      name: name(row),
      type: type(row),
      startNs,
      endNs: lastedNs === undefined ? undefined : startNs + lastedNs,
      runner: runner(row),
      service: service(row),
      facts: facts(row),
      events: events(row),
      links: links(row),
    };
  }
}

const shown = ["trace_id", "span_id", "status", "status_message", "outcome"] as const;

function factsOf(cells: RowCells): (row: number) => string {
  const own = shown.map((name) => ({ name, json: cells.json(name) }));
  const attributes = attributeWriter(cells.data("attributes"), cells.data("attribute_types"), member);
  return (row) => {
    const facts = own.map(({ name, json }) => `"${name}":${json(row)}`).filter((fact) => !fact.endsWith(':""'));
    return [...facts, ...attributes(row)].join(",");
  };
}

/** An attribute as a member of an object: numbers as numbers where none of their digits is lost. */
const member: WriteAttribute = (key, text, type) => {
  const isPlain = type === "bool" || type === "array" || type === "map";
  const isExact = (type === "int" || type === "double") && Number.isFinite(Number(text)) && !/\d{16}/.test(text);
  return `${key}:${isPlain || isExact ? text : JSON.stringify(text)}`;
};

function eventsOf(cells: RowCells): (row: number) => TraceRow["events"] {
  const { items, from } = itemsOf(cells.data("events")!);
  const [time, name] = [items.int64("time"), items.text("name")];
  const attributes = attributeWriter(items.data("attributes"), items.data("attribute_types"), member);
  return (row) =>
    Array.from({ length: from(row + 1) - from(row) }, (_, i) => {
      const item = from(row) + i;
      return { timeNs: time(item)!, name: name(item), facts: attributes(item).join(",") };
    });
}

function linksOf(cells: RowCells): (row: number) => TraceRow["links"] {
  const { items, from } = itemsOf(cells.data("links")!);
  const spanId = items.text("span_id");
  const kinds = attributeWriter(items.data("attributes"), undefined, (key, text) =>
    key === '"spanloom.link.type"' ? text : "",
  );
  return (row) =>
    Array.from({ length: from(row + 1) - from(row) }, (_, i) => {
      const item = from(row) + i;
      return { spanId: spanId(item), kind: kinds(item).find((kind) => kind !== "") ?? "link" };
    });
}
