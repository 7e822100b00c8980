import type { RecordBatch } from "apache-arrow";
import { nanosJson, objectJson, otlpAttributes, unlessEmpty, unlessZero } from "./otlp-resource.ts";
import { cellsOf, itemsOf, type RowCells } from "./row-cells.ts";

const kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const statuses = ["UNSET", "OK", "ERROR"];

/** A writer of a batch's spans as OTLP's JSON. */
export function otlpSpans(batch: RecordBatch): (row: number) => string {
  const cells = cellsOf(batch);
  const [traceId, spanId, parentId] = [cells.json("trace_id"), cells.json("span_id"), cells.json("parent_span_id")];
  const [traceState, name, kind] = [cells.json("trace_state"), cells.json("name"), cells.text("kind")];
  const [start, duration, flags] = [cells.int64("start_time"), cells.int64("duration_ns"), cells.json("flags")];
  const [attributes, events, links] = [otlpAttributes(cells), eventsOf(cells), linksOf(cells)];
  const dropped = droppedOf(cells);
  const [status, message] = [cells.text("status"), cells.json("status_message")];
  return (row) => {
    const startNs = start(row)!;
    const lastedNs = duration(row);
    return objectJson({
      traceId: traceId(row),
      spanId: spanId(row),
      traceState: unlessEmpty(traceState(row)),
      parentSpanId: unlessEmpty(parentId(row)),
      flags: unlessZero(flags(row)),
      name: name(row),
      kind: String(Math.max(0, kinds.indexOf(kind(row)))),
      startTimeUnixNano: nanosJson(startNs),
      endTimeUnixNano: lastedNs === undefined ? undefined : nanosJson(startNs + lastedNs),
      attributes: attributes(row),
      ...dropped(row),
      events: events(row),
      links: links(row),
      status: objectJson({
        code: unlessZero(String(Math.max(0, statuses.indexOf(status(row))))),
        message: unlessEmpty(message(row)),
      }),
    });
  };
}

function droppedOf(cells: RowCells): (row: number) => Record<string, string | undefined> {
  const counts = (["attributes", "events", "links"] as const).map((name) => cells.json(`dropped_${name}`));
  return (row) => {
    const [attributes, events, links] = counts.map((count) => unlessZero(count(row)));
    return { droppedAttributesCount: attributes, droppedEventsCount: events, droppedLinksCount: links };
  };
}

function eventsOf(cells: RowCells): (row: number) => string | undefined {
  return listOf(cells, "events", (items) => {
    const [time, name, dropped] = [items.int64("time"), items.json("name"), items.json("dropped_attributes")];
    const attributes = otlpAttributes(items);
    return (i) =>
      objectJson({
        timeUnixNano: nanosJson(time(i)),
        name: name(i),
        attributes: attributes(i),
        droppedAttributesCount: unlessZero(dropped(i)),
      });
  });
}

function linksOf(cells: RowCells): (row: number) => string | undefined {
  return listOf(cells, "links", (items) => {
    const [traceId, spanId, traceState] = [items.json("trace_id"), items.json("span_id"), items.json("trace_state")];
    const [attributes, flags, dropped] = [otlpAttributes(items), items.json("flags"), items.json("dropped_attributes")];
    return (i) =>
      objectJson({
        traceId: traceId(i),
        spanId: spanId(i),
        traceState: unlessEmpty(traceState(i)),
        attributes: attributes(i),
        droppedAttributesCount: unlessZero(dropped(i)),
        flags: unlessZero(flags(i)),
      });
  });
}

/** A writer of a list column; undefined for a row whose list is empty. */
function listOf(
  cells: RowCells,
  name: string,
  writerOf: (items: RowCells) => (item: number) => string,
): (row: number) => string | undefined {
  const { items, from } = itemsOf(cells.data(name)!);
  const write = writerOf(items);
  return (row) => {
    if (from(row) === from(row + 1)) return undefined;
    const written: string[] = [];
    for (let i = from(row); i < from(row + 1); i++) written.push(write(i));
    return `[${written.join(",")}]`;
  };
}
