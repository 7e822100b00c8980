import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { sampleTable, spanIdFor } from "../testing/sample-spans.ts";
import { sampleTrace } from "../testing/sample-trace.ts";
import { renderTree } from "./tree.ts";

describe("renderTree", () => {
  it("draws a job as it always has", async () => {
    await expect(`${renderTree(sampleTable(sampleTrace()), { width: 80 })}\n`).toMatchFileSnapshot(
      "../../testdata/tree.txt",
    );
  });

  it("is never wider than asked", () => {
    const table = sampleTable(sampleTrace());
    for (let width = 40; width < 120; width += 5) {
      for (const line of renderTree(table, { width }).split("\n"))
        expect(stringWidth(line), line).toBeLessThanOrEqual(width);
    }
  });

  it("shows why a span failed", () => {
    const table = sampleTable([
      {
        spanId: spanIdFor(0),
        name: "a",
        startNs: 0n,
        endNs: 5_000n,
        status: "ERROR",
        statusMessage: "disk full\u0007",
      },
    ]);
    expect(renderTree(table)).toBe("a ✗ 5.00 µs  disk full�\n1 span, 1 error in 5.00 µs");
  });

  it("says so when there is nothing to draw", () => {
    expect(renderTree(sampleTable([]))).toBe("no spans");
  });
});
