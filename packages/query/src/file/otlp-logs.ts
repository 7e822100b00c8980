import type { RecordBatch } from "apache-arrow";
import { nanosJson, objectJson, otlpAttributes, unlessEmpty, unlessZero } from "./otlp-resource.ts";
import { otlpValue } from "./otlp-value.ts";
import { cellsOf } from "./row-cells.ts";

/** A writer of a batch's log records as OTLP's JSON. */
export function otlpLogs(batch: RecordBatch): (row: number) => string {
  const cells = cellsOf(batch);
  const [time, observed] = [cells.int64("time"), cells.int64("observed_time")];
  const [severityNumber, severity] = [cells.json("severity_number"), cells.json("severity")];
  const [body, bodyType, eventName] = [cells.text("body"), cells.text("body_type"), cells.json("event_name")];
  const [traceId, spanId, flags] = [cells.json("trace_id"), cells.json("span_id"), cells.json("flags")];
  const [attributes, dropped] = [otlpAttributes(cells), cells.json("dropped_attributes")];
  return (row) => {
    const value = otlpValue(body(row), bodyType(row));
    return objectJson({
      timeUnixNano: nanosJson(time(row)),
      observedTimeUnixNano: nanosJson(observed(row)),
      severityNumber: unlessZero(severityNumber(row)),
      severityText: unlessEmpty(severity(row)),
      body: value === "{}" ? undefined : value,
      attributes: attributes(row),
      droppedAttributesCount: unlessZero(dropped(row)),
      flags: unlessZero(flags(row)),
      traceId: unlessEmpty(traceId(row)),
      spanId: unlessEmpty(spanId(row)),
      eventName: unlessEmpty(eventName(row)),
    });
  };
}
