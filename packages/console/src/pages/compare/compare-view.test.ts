import { describe, expect, it } from "vitest";
import { comparisonOf } from "./compare-path.ts";
import { changeOf, differenceOf, formatCompareView, parseCompareView, ratioOf, shownRows } from "./compare-view.ts";
import type { ComparedSide, ComparisonRow } from "./comparison-rows.ts";
import { ratioText, signedText } from "./signed-text.ts";

const side = (sum: number, rest: Partial<ComparedSide> = {}): ComparedSide => ({
  count: 1,
  errors: 0,
  sum,
  mean: sum,
  median: sum,
  p95: sum,
  max: sum,
  ...rest,
});
const none = side(0, { count: 0, mean: undefined, median: undefined, p95: undefined, max: undefined });
const row = (name: string, base: ComparedSide, other: ComparedSide): ComparisonRow => ({
  name,
  change: base.count === 0 ? "appeared" : other.sum > base.sum ? "slower" : "faster",
  sumDelta: other.sum - base.sum,
  base,
  other,
});
const rows = [
  row("decode", side(100), side(150)),
  row("Encode", side(1_000), side(910)),
  row("retry", none, side(60, { errors: 2 })),
];
const first = parseCompareView("");

describe("the view of a comparison", () => {
  it("stands in the URL, as far as it differs from the first one", () => {
    const query = "measure=p95&order=errors&change=slower&find=a+b";
    expect(formatCompareView(parseCompareView(query))).toBe(query);
    expect(formatCompareView(parseCompareView("measure=nothing&order=up&change=best"))).toBe("");
  });

  it("sorts by what changed most, up or down", () => {
    const names = (order: Parameters<typeof shownRows>[1]["order"]) =>
      shownRows(rows, { ...first, order }).map(({ name }) => name);
    expect(names("difference")).toEqual(["Encode", "retry", "decode"]);
    expect(names("percent")).toEqual(["decode", "Encode", "retry"]);
    expect(names("errors")[0]).toBe("retry");
    expect(names("name")).toEqual(["decode", "Encode", "retry"]);
  });

  it("narrows by change and by part of a name, whatever its case", () => {
    expect(shownRows(rows, { ...first, find: "CODE" }).map(({ name }) => name)).toEqual(["Encode", "decode"]);
    expect(shownRows(rows, { ...first, change: "appeared" }).map(({ name }) => name)).toEqual(["retry"]);
  });

  it("tells changes of what is compared, so that all of a row tells the same", () => {
    const more = row("load", side(100, { mean: 100 }), side(180, { count: 2, mean: 90 }));
    expect([changeOf(more, "sum"), changeOf(more, "mean")]).toEqual(["slower", "faster"]);
    expect(changeOf(row("same", side(1_000), side(1_004)), "mean")).toBe("same");
    expect(shownRows([more], { ...first, measure: "sum", change: "slower" })).toHaveLength(1);
    expect(changeOf(rows[2]!, "mean")).toBe("appeared");
  });

  it("tells differences also where one job has none of the name, and ratios only where both have", () => {
    expect(rows.map((each) => differenceOf(each, "mean"))).toEqual([50, -90, 60]);
    expect(rows.map((each) => ratioOf(each, "sum"))).toEqual([0.5, expect.closeTo(-0.09), undefined]);
  });
});

describe("the texts of a comparison", () => {
  it("have a sign, and a factor where percents would be long", () => {
    expect([signedText(3, "3s"), signedText(-3, "3s"), signedText(0, "0ms")]).toEqual(["+3s", "−3s", "±0"]);
    expect([0.12, -0.5, 0.001, 30, undefined].map(ratioText)).toEqual(["+12%", "−50%", "±0%", "×31", ""]);
  });

  it("compare the later job with the earlier", () => {
    const at = (seconds: number) => ({
      seconds: BigInt(seconds),
      nanos: 0,
      $typeName: "google.protobuf.Timestamp" as const,
    });
    expect(comparisonOf({ id: "b", createdAt: at(9) }, { id: "a", createdAt: at(5) })).toBe("/compare/a/b");
    expect(comparisonOf({ id: "b", createdAt: at(5) }, { id: "a", createdAt: at(9) })).toBe("/compare/b/a");
  });
});
