import { create } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { describe, expect, it } from "vitest";
import { mergeBatches } from "./merge-batches.ts";
import { splitBatch } from "./split-batch.ts";
import { logBatch, spanBatch, spanNames } from "./testing/sample-batches.ts";

const none = { maxRecords: 1_000, maxBytes: 1_000_000 };

describe("splitBatch", () => {
  it("gives a batch within the limits as it is", () => {
    const batch = spanBatch("a", "b");
    expect(splitBatch(batch, none)[0]?.batch).toBe(batch);
  });

  it("gives nothing for an empty batch", () => {
    expect(splitBatch({}, none)).toEqual([]);
    expect(splitBatch(spanBatch(), none)).toEqual([]);
  });

  it("keeps resource and scope of every span it moves", () => {
    const traces = create(ExportTraceServiceRequestSchema, {
      resourceSpans: ["r1", "r2"].map((schemaUrl) => ({
        schemaUrl,
        scopeSpans: ["s1", "s2"].map((scope) => ({
          scope: { name: scope },
          spans: [0, 1, 2].map((index) => ({ name: `${schemaUrl}/${scope}/${index}` })),
        })),
      })),
    });
    const parts = splitBatch({ traces }, { maxRecords: 5, maxBytes: 1_000_000 });
    expect(parts.map(({ size }) => size.spans)).toEqual([5, 5, 2]);
    expect(parts.flatMap(({ batch }) => spanNames(batch))).toEqual(spanNames({ traces }));
    for (const { batch } of parts) {
      for (const { schemaUrl, scopeSpans } of batch.traces!.resourceSpans) {
        for (const { scope, spans } of scopeSpans) {
          expect(spans.length).toBeGreaterThan(0);
          for (const { name } of spans) expect(name).toMatch(`${schemaUrl}/${scope?.name}/`);
        }
      }
    }
  });

  it("makes a record larger than the limit a part of its own", () => {
    const batch = spanBatch("a", "x".repeat(5_000), "b");
    const parts = splitBatch(batch, { maxRecords: 100, maxBytes: 1_000 });
    expect(parts.map((part) => spanNames(part.batch).map(({ length }) => length))).toEqual([[1], [5_000], [1]]);
  });

  it("cuts log records too", () => {
    const parts = splitBatch(
      { ...spanBatch("a"), ...logBatch("l1", "l2", "l3") },
      { maxRecords: 2, maxBytes: 1_000_000 },
    );
    expect(parts.map(({ size }) => [size.spans, size.logRecords])).toEqual([
      [1, 0],
      [0, 2],
      [0, 1],
    ]);
  });
});

describe("mergeBatches", () => {
  it("sends a resource once for neighbours that share it", () => {
    const { traces } = spanBatch("a");
    const resource = { attributes: [], droppedAttributesCount: 0, entityRefs: [] } as never;
    const of = (name: string) => ({
      traces: create(ExportTraceServiceRequestSchema, {
        resourceSpans: [{ ...spanBatch(name).traces!.resourceSpans[0]!, resource }],
      }),
    });
    const merged = mergeBatches([of("a"), of("b"), { traces }, logBatch("l"), of("c")]);
    expect(merged.traces?.resourceSpans).toHaveLength(3);
    expect(spanNames(merged)).toEqual(["a", "b", "a", "c"]);
    expect(merged.logs?.resourceLogs).toHaveLength(1);
  });

  it("leaves the batches as they were", () => {
    const [a, b] = [spanBatch("a"), spanBatch("b")];
    mergeBatches([a, b]);
    expect([spanNames(a), spanNames(b)]).toEqual([["a"], ["b"]]);
  });
});
