import { describe, expect, it } from "vitest";
import { summarize } from "./summarize.ts";
import { arriving, type SampleSpan, sampleChunk, sampleTable, spanIdFor } from "./testing/sample-spans.ts";
import { toArrowTable } from "./to-arrow.ts";

const ms = 1_000_000n;

function span(name: string, durationMs: number | null, status: SampleSpan["status"] = "UNSET"): SampleSpan {
  const endNs = durationMs === null ? null : 5n * ms + BigInt(durationMs) * ms;
  return { spanId: spanIdFor(0), name, startNs: 5n * ms, endNs, status };
}

describe("summarize", () => {
  it("counts spans, errors and open spans by name, largest total first", () => {
    const spans = [span("a", 10), span("b", 100, "ERROR"), span("a", 30, "ERROR"), span("a", null)];
    expect(summarize(sampleTable(spans))).toEqual([
      { name: "b", count: 1, errors: 1, open: 0, p50Ms: 100, p95Ms: 100, maxMs: 100, totalMs: 100 },
      { name: "a", count: 3, errors: 1, open: 1, p50Ms: 10, p95Ms: 30, maxMs: 30, totalMs: 40 },
    ]);
  });

  it("takes percentiles by nearest rank", () => {
    const spans = Array.from({ length: 100 }, (_, index) => span("a", 100 - index));
    expect(summarize(sampleTable(spans))[0]).toMatchObject({ p50Ms: 50, p95Ms: 95, maxMs: 100, totalMs: 5_050 });
  });

  it("has no durations for a name none of whose spans has ended", () => {
    expect(summarize(sampleTable([span("a", null)]))).toEqual([
      { name: "a", count: 1, errors: 0, open: 1, p50Ms: Number.NaN, p95Ms: Number.NaN, maxMs: Number.NaN, totalMs: 0 },
    ]);
  });

  it("joins chunks that number their names differently", async () => {
    const chunks = [
      [span("a", 1), span("b", 2)],
      [span("b", 4), span("a", 8)],
    ].map(sampleChunk);
    const totals = summarize(await toArrowTable(arriving(...chunks))).map(({ name, totalMs }) => [name, totalMs]);
    expect(totals).toEqual([
      ["a", 9],
      ["b", 6],
    ]);
  });

  it("gives nothing for an empty table", () => {
    expect(summarize(sampleTable([]))).toEqual([]);
  });
});
