import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { type SampleSpan, sampleTable, spanIdFor } from "../testing/sample-spans.ts";
import { sampleTrace, sampleTraceStartNs } from "../testing/sample-trace.ts";
import { renderWaterfall } from "./waterfall.ts";

const MS = 1_000_000n;

/** A span that lasts from one millisecond to another; open without the second. */
function span(
  id: number,
  parent: number | null,
  at: [from: number, to?: number],
  more: Partial<SampleSpan> = {},
): SampleSpan {
  const [from, to] = at;
  return {
    spanId: spanIdFor(id),
    parentSpanId: parent === null ? null : spanIdFor(parent),
    name: `s${id}`,
    startNs: BigInt(from) * MS,
    endNs: to === undefined ? null : BigInt(to) * MS,
    ...more,
  };
}

describe("renderWaterfall", () => {
  it("draws a job as it always has", async () => {
    await expect(`${renderWaterfall(sampleTable(sampleTrace()), { width: 110 })}\n`).toMatchFileSnapshot(
      "../../testdata/waterfall.txt",
    );
  });

  it("places bars by time, lines for tasks and blocks for work", () => {
    const table = sampleTable([
      span(0, null, [0, 800], { type: "job" }),
      span(1, 0, [100, 800], { type: "task" }),
      span(2, 1, [400, 600], { type: "attempt" }),
      span(3, 2, [410, 411]),
    ]);
    expect(renderWaterfall(table, { width: 41 }).split("\n")).toEqual([
      "4 spans in 800 ms",
      "             0          500 ms",
      "s0           ━━━━━━━━━━━━━━━━━━━  800 ms",
      "└ s1         · ╺━━━━━━━━━━━━━━━━  700 ms",
      "  └ s2       ·        ▐████▎      200 ms",
      "    └ s3     ·        ▕ ·        1.00 ms",
    ]);
  });

  it("is never wider than asked, at any width, with wide characters and deep trees", () => {
    const deep = Array.from({ length: 60 }, (_, id) =>
      span(id, id === 0 ? null : id - 1, [id, 100], { name: `深い🚦${id}` }),
    );
    for (const table of [sampleTable(sampleTrace()), sampleTable(deep)]) {
      for (let width = 40; width <= 160; width += 7) {
        for (const line of renderWaterfall(table, { width }).split("\n")) {
          expect(stringWidth(line), line).toBeLessThanOrEqual(width);
        }
      }
    }
  });

  it("is as wide in colour as without", () => {
    const table = sampleTable(sampleTrace());
    const plain = renderWaterfall(table, { width: 90 });
    const colored = renderWaterfall(table, { width: 90, color: true });
    expect(colored).toContain("\u001b[31m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: removes the colours.
    expect(colored.replace(/\u001b\[[0-9;]*m/g, "")).toBe(plain);
  });

  it("marks failed spans, later attempts and outcomes", () => {
    const table = sampleTable([
      span(0, null, [0, 10], { name: "a", type: "attempt", attempt: 1, status: "ERROR", outcome: "timeout" }),
      span(1, null, [10, 20], { name: "a", type: "attempt", attempt: 2, outcome: "success" }),
    ]);
    const text = renderWaterfall(table);
    expect(text).toContain("a ✗ timeout ");
    expect(text).toContain("a #2 ");
    expect(text).not.toContain("success");
  });

  it("lets open spans run to now", () => {
    const table = sampleTable([span(0, null, [0], { type: "job" }), span(1, 0, [100, 300])]);
    const text = renderWaterfall(table, { now: new Date(1_000) });
    expect(text).toContain("2 spans, 1 open in 1.00 s");
    expect(text).toMatch(/s0 \(open\) +━+▷ 1\.00 s\+\n/);
  });

  it("draws the first rows and counts the others and their errors", () => {
    const spans = Array.from({ length: 30 }, (_, id) =>
      span(id, id === 0 ? null : 0, [id, 100], id === 29 ? { status: "ERROR" } : {}),
    );
    const lines = renderWaterfall(sampleTable(spans), { maxRows: 5 }).split("\n");
    expect(lines[0]).toBe("30 spans, 1 error in 100 ms");
    expect(lines.slice(2)).toHaveLength(6);
    expect(lines.at(-1)).toBe("… 25 more, 1 with errors");
  });

  it("draws the subtree of a span, by its own times", () => {
    const table = sampleTable([
      span(0, null, [0, 900]),
      span(1, 0, [100, 300]),
      span(2, 1, [150, 200]),
      span(3, 0, [400, 500]),
    ]);
    const text = renderWaterfall(table, { root: spanIdFor(1) });
    expect(text).toContain("2 spans in 200 ms");
    expect(text).not.toMatch(/s0|s3/);
  });

  it("draws every span of a table without roots or with cycles", () => {
    const table = sampleTable([span(0, 9, [0, 10]), span(1, 2, [0, 10]), span(2, 1, [0, 10])]);
    for (const name of ["s0", "s1", "s2"]) expect(renderWaterfall(table)).toContain(name);
  });

  it("does not let a name steer the terminal", () => {
    const text = renderWaterfall(sampleTable([span(0, null, [0, 1], { name: "a\u001b[2Jb\nc\u202ed" })]));
    expect(text).toContain("a�[2Jb�c�d");
    expect(text.split("\n")).toHaveLength(3);
  });

  it("draws a chain of ten thousand spans", () => {
    const chain = Array.from({ length: 10_000 }, (_, id) => span(id, id === 0 ? null : id - 1, [0, 10]));
    expect(renderWaterfall(sampleTable(chain), { maxRows: 3 })).toContain("… 9,997 more");
  });

  it("says so when there is nothing to draw", () => {
    expect(renderWaterfall(sampleTable([]))).toBe("no spans");
  });

  it("draws spans that all take no time", () => {
    const text = renderWaterfall(sampleTable([span(0, null, [5, 5]), span(1, 0, [5, 5], { type: "task" })]));
    expect(text).toContain("2 spans in 0 s");
    expect(text).not.toMatch(/NaN|Infinity/);
  });

  it("names a root that is not there and a maxRows out of its domain", () => {
    const table = sampleTable([span(0, null, [0, 1])]);
    expect(() => renderWaterfall(table, { root: "00000000000000ff" })).toThrow(
      'root "00000000000000ff" is not a span id',
    );
    expect(() => renderWaterfall(table, { maxRows: 0 })).toThrow("maxRows 0 is not a whole number from 1");
  });

  it("starts its sample where it says", () => {
    expect(sampleTrace()[0]?.startNs).toBe(sampleTraceStartNs);
  });
});
