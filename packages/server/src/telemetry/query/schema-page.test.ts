import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { comparisonColumns } from "./compare-plan.ts";
import { measureColumns } from "./measures.ts";
import { extraLogCatalogue, extraSpanCatalogue, logCatalogue, spanCatalogue } from "./span-schema.ts";

/** docs/schema.md names the columns that users build on, in the order in which they are returned. */
describe("docs/schema.md", () => {
  const page = readFileSync(path.resolve(import.meta.dirname, "../../../../../docs/schema.md"), "utf8");

  function section(name: string): string {
    return page.split(/^## /m).find((text) => text.startsWith(`${name}\n`)) ?? "";
  }

  /** Names in backticks in the first cell of each row. */
  function columnsOf(name: string): string[] {
    const cells = [...section(name).matchAll(/^\| (`[^|]*`) \|/gm)].map((match) => match[1]!);
    return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]!));
  }

  function extraColumnsOf(name: string): string[] {
    const sentence = /Returned only when named: ([^.]*)/.exec(section(name))?.[1] ?? "";
    return [...sentence.matchAll(/`(\w+)`/g)].map((match) => match[1]!);
  }

  it("names the columns of spans", () => {
    expect(columnsOf("spans")).toEqual([...spanCatalogue.keys()]);
    expect(extraColumnsOf("spans")).toEqual([...extraSpanCatalogue.keys()]);
  });

  it("names the columns of aggregates and comparisons", () => {
    expect(columnsOf("aggregates")).toEqual(["time_bucket", ...measureColumns]);
    expect(columnsOf("comparison")).toEqual(comparisonColumns);
  });

  it("names the columns of logs", () => {
    expect(columnsOf("logs")).toEqual([...logCatalogue.keys()]);
    expect(extraColumnsOf("logs").sort()).toEqual([...extraLogCatalogue.keys()].sort());
  });
});
