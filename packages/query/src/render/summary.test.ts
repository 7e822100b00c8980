import { describe, expect, it } from "vitest";
import { sampleTable } from "../testing/sample-spans.ts";
import { sampleTrace } from "../testing/sample-trace.ts";
import { renderSummary } from "./summary.ts";

describe("renderSummary", () => {
  it("draws a job as it always has", async () => {
    await expect(`${renderSummary(sampleTable(sampleTrace()))}\n`).toMatchFileSnapshot("../../testdata/summary.txt");
  });

  it("draws the first names and counts the others", () => {
    const lines = renderSummary(sampleTable(sampleTrace()), { maxRows: 2 }).split("\n");
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatch(/^… \d+ more$/);
  });

  it("says so when there is nothing to draw", () => {
    expect(renderSummary(sampleTable([]))).toBe("no spans");
  });
});
