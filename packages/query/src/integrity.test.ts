import { describe, expect, it } from "vitest";
import { checkTree } from "./integrity.ts";
import { type SampleSpan, sampleTable, spanIdFor } from "./testing/sample-spans.ts";

function span(id: number, parent: number | null, more: Partial<SampleSpan> = {}): SampleSpan {
  const parentSpanId = parent === null ? null : spanIdFor(parent);
  return { spanId: spanIdFor(id), parentSpanId, name: `s${id}`, startNs: BigInt(id), endNs: BigInt(id + 1), ...more };
}

const whole = [
  span(0, null, { type: "job" }),
  span(1, 0, { type: "task" }),
  span(2, 1, { type: "attempt" }),
  span(3, 2),
  span(4, 2),
];

describe("checkTree", () => {
  it("finds a whole tree complete and counts its types", () => {
    expect(checkTree(sampleTable(whole))).toEqual({
      spans: 5,
      jobs: 1,
      tasks: 1,
      attempts: 1,
      users: 2,
      roots: [spanIdFor(0)],
      orphans: [],
      openSpans: [],
      duplicates: [],
      cycles: [],
      complete: true,
    });
  });

  it("takes a job span as root although its parent is in the submitter's trace", () => {
    const report = checkTree(sampleTable([span(0, 77, { type: "job" }), span(1, 0, { type: "task" })]));
    expect(report).toMatchObject({ roots: [spanIdFor(0)], orphans: [], complete: true });
  });

  it("names spans whose parent is missing", () => {
    const report = checkTree(sampleTable([...whole, span(5, 88), span(6, 5)]));
    expect(report).toMatchObject({ roots: [spanIdFor(0)], orphans: [spanIdFor(5)], complete: false });
  });

  it("names spans that are open, and a running tree is complete", () => {
    const report = checkTree(sampleTable([span(0, null, { type: "job", endNs: null }), span(1, 0, { endNs: null })]));
    expect(report).toMatchObject({ openSpans: [spanIdFor(0), spanIdFor(1)], complete: true });
  });

  it("names ids that occur more than once, each once", () => {
    const report = checkTree(sampleTable([...whole, span(3, 2), span(3, 2)]));
    expect(report).toMatchObject({ duplicates: [spanIdFor(3)], complete: false });
  });

  it("names cycles instead of hanging on them", () => {
    const report = checkTree(sampleTable([...whole, span(5, 7), span(6, 5), span(7, 6), span(8, 8)]));
    expect(report.cycles).toHaveLength(2);
    expect(report.cycles).toContain(spanIdFor(8));
    expect(report).toMatchObject({ roots: [spanIdFor(0)], complete: false });
  });

  it("finds two roots incomplete", () => {
    const report = checkTree(sampleTable([...whole, span(5, null)]));
    expect(report).toMatchObject({ roots: [spanIdFor(0), spanIdFor(5)], complete: false });
  });

  it("finds an empty table incomplete", () => {
    expect(checkTree(sampleTable([]))).toMatchObject({ spans: 0, roots: [], complete: false });
  });

  it("finds every parent among many spans, in any order", () => {
    const spans = Array.from({ length: 20_000 }, (_, id) =>
      span(id * 7919, id === 0 ? null : Math.floor((id - 1) / 8) * 7919),
    );
    expect(checkTree(sampleTable(spans.reverse()))).toMatchObject({
      spans: 20_000,
      roots: [spanIdFor(0)],
      complete: true,
    });
  });

  it("names the column a table lacks", () => {
    const table = sampleTable(whole).select(["span_id", "name"]);
    expect(() => checkTree(table)).toThrow(
      'cannot read spans: column "parent_span_id" is not among the table\'s columns',
    );
  });
});
