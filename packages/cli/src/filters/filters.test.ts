import { describe, expect, test } from "vitest";
import { attributeCondition, timePoint } from "./filter-values.ts";
import { rowFormat } from "./row-format.ts";
import { rowSelection } from "./row-selection.ts";

describe("a condition on an attribute", () => {
  const parse = attributeCondition("--attr");

  test.each([
    ["http.route", { "http.route": { exists: true } }],
    ["a=b", { a: { eq: "b" } }],
    ["a=b=c", { a: { eq: "b=c" } }],
    ["a!=b", { a: { ne: "b" } }],
    ["a=", { a: { eq: "" } }],
    ["code>=500", { code: { gte: 500 } }],
    ["code<5e2", { code: { lt: 500 } }],
    ["ratio>-0.5", { ratio: { gt: -0.5 } }],
    ["id=9007199254740993", { id: { eq: 9007199254740993n } }],
    ["ok=true", { ok: { eq: true } }],
    ['ok="true"', { ok: { eq: "true" } }],
    ['code="500"', { code: { eq: "500" } }],
    ["name~5", { name: { contains: "5" } }],
    ["host=Infinity", { host: { eq: "Infinity" } }],
    ["version=1.2.3", { version: { eq: "1.2.3" } }],
  ])("%s", (text, condition) => expect(parse(text)).toEqual(condition));

  test("one without a key is refused", () => {
    expect(() => parse("=x")).toThrow('cannot use --attr "=x": it must be key=value');
  });
});

describe("a point in time", () => {
  const now = Date.parse("2030-01-31T12:00:00Z");

  test.each([
    ["now", "2030-01-31T12:00:00.000Z"],
    ["2h", "2030-01-31T10:00:00.000Z"],
    ["1.5d", "2030-01-30T00:00:00.000Z"],
    ["2030-01-31T09:00:00+01:00", "2030-01-31T08:00:00.000Z"],
  ])("%s", (text, time) => expect(timePoint(text, "--since", now).toISOString()).toBe(time));

  test("what is none is refused with what one looks like", () => {
    expect(() => timePoint("yesterday", "--since", now)).toThrow(
      'cannot use --since "yesterday": it must be a time such',
    );
  });
});

describe("what to return", () => {
  test("columns may be attributes with a type, and the order may be reversed", () => {
    const columns = ["name", "attributes.http.code:int64", "resource.host.name", "attributes.a:b"];
    expect(rowSelection({ columns, order: ["name", "duration_ns:desc"], limit: 5 })).toEqual({
      columns: [
        "name",
        { attribute: "http.code", as: "attributes.http.code", type: "int64" },
        { attribute: "host.name", as: "resource.host.name", resource: true },
        { attribute: "a:b", as: "attributes.a:b" },
      ],
      orderBy: [
        { column: "name", descending: false },
        { column: "duration_ns", descending: true },
      ],
      limit: 5,
    });
  });

  test("an order that is none is refused", () => {
    expect(() => rowSelection({ order: ["name:up"] })).toThrow('cannot use --order "name:up"');
  });
});

describe("the format of rows", () => {
  const choice = { drawn: ["tree", "table"], byDefault: "tree", json: false } as const;

  test.each([
    [{}, { drawn: "tree" }],
    [{ format: "table" }, { drawn: "table" }],
    [{ out: "X.OTLP.JSONL" }, { file: "otlp.jsonl" }],
    [{ out: "x.jsonl" }, { file: "jsonl" }],
    [{ out: "x", format: "csv" }, { file: "csv" }],
    [{ out: "x.json" }, { file: "json" }],
    [{ out: "x.perfetto.json" }, { file: "perfetto.json" }],
    [{ format: "perfetto" }, { file: "perfetto.json" }],
    [{ format: "otlp" }, { file: "otlp.json" }],
  ])("%j", (flags, format) => expect(rowFormat(flags, choice)).toEqual(format));

  test("--json means JSON Lines, unless a format is named", () => {
    expect(rowFormat({}, { ...choice, json: true })).toEqual({ file: "jsonl" });
    expect(rowFormat({ format: "csv" }, { ...choice, json: true })).toEqual({ file: "csv" });
  });

  test.each([
    [{ format: "xml" }, 'cannot use --format "xml": it must be one of tree, table, arrow'],
    [{ out: "x.txt" }, 'cannot use --out "x.txt": its end tells no format: add --format'],
    [{ out: "x", format: "tree" }, "cannot write tree with --out: use arrow"],
  ])("%j is refused", (flags, message) => expect(() => rowFormat(flags, choice)).toThrow(message));
});
