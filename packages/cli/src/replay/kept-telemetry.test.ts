import { create } from "@bufbuild/protobuf";
import { hexToBytes } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { expect, test } from "vitest";
import { keptTelemetry } from "./kept-telemetry.ts";

/** A span of so many nanoseconds; ids are hexadecimal digits, of which a parent that is not kept may be one. */
function span(name: string, [id, parent]: readonly [string, string], [start, end]: readonly [number, number]) {
  return {
    name,
    spanId: hexToBytes(id.padStart(16, "0")),
    parentSpanId: hexToBytes(parent.padStart(16, "0")),
    startTimeUnixNano: BigInt(start),
    endTimeUnixNano: BigInt(end),
    attributes: [],
  };
}

test("spans come each before its children, also those that a coarser clock has begin sooner", async () => {
  const { exporter, spans } = keptTelemetry();
  const kept = [
    span("inner", ["3", "2"], [1_000_000, 1_200_000]),
    span("outer", ["2", "1"], [1_000_000, 1_200_000]),
    span("attempt", ["1", "9"], [1_300_000, 2_000_000]),
    span("later", ["5", "1"], [1_900_000, 1_950_000]),
    span("sooner", ["4", "1"], [1_100_000, 1_150_000]),
  ];
  const traces = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans: kept }] }] });
  await exporter.export({ traces });
  expect(spans().map(({ name }) => name)).toEqual(["attempt", "outer", "inner", "sooner", "later"]);
});
