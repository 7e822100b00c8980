import { Dictionary, Field, Int32, Int64, List, Struct, Table, Utf8, vectorFromArray } from "apache-arrow";
import { desc, op } from "arquero";
import { describe, expect, it } from "vitest";
import { arriving, type SampleSpan, sampleChunk, sampleTable, spanIdFor } from "./testing/sample-spans.ts";
import { toArrowTable } from "./to-arrow.ts";
import { toDataFrame } from "./to-data-frame.ts";

const startNs = 1_700_000_000_123_999_999n;

function span(index: number, more: Partial<SampleSpan> = {}): SampleSpan {
  return { spanId: spanIdFor(index), name: `n${index % 3}`, startNs, endNs: startNs + BigInt(index) * 1_000n, ...more };
}

describe("toDataFrame", () => {
  it("gives times as Dates, durations as numbers, null as null", async () => {
    const frame = await toDataFrame(sampleTable([span(5), span(6, { endNs: null, attempt: 2 })]));
    expect(frame.objects({ columns: ["name", "start_time", "end_time", "duration_ns", "attempt"] })).toEqual([
      {
        name: "n2",
        start_time: new Date(1_700_000_000_123),
        end_time: new Date(1_700_000_000_124),
        duration_ns: 5_000,
        attempt: null,
      },
      { name: "n0", start_time: new Date(1_700_000_000_123), end_time: null, duration_ns: null, attempt: 2 },
    ]);
  });

  it("gives attributes as an object and events as an array of objects", async () => {
    const attributes = { "http.route": "/jobs", constructor: "x" };
    const frame = await toDataFrame(
      sampleTable([span(1, { attributes, events: [{ timeNs: 1_700_000_000_123_000_000n, name: "exception" }] })]),
    );
    expect(frame.get("attributes", 0)).toEqual(attributes);
    expect(frame.get("events", 0)).toMatchObject([
      { time: new Date(1_700_000_000_123), name: "exception", attributes: {} },
    ]);
    const routes = frame.derive({
      route: (row: { attributes: Record<string, string> }) => row.attributes["http.route"],
    });
    expect(routes.get("route", 0)).toBe("/jobs");
  });

  it("gives attributes of many chunks that number their keys differently, also of a slice", async () => {
    const attributesOf = (index: number) => ({ [`key${index % 7}`]: `v${index}`, [`key${(index % 5) + 5}`]: "x" });
    const chunks = Array.from({ length: 50 }, (_, index) =>
      sampleChunk([span(index, { attributes: attributesOf(index) })]),
    );
    const table = await toArrowTable(arriving(...chunks));
    expect((await toDataFrame(table)).array("attributes")).toEqual([...chunks.keys()].map(attributesOf));
    expect((await toDataFrame(table.slice(20, 22))).array("attributes")).toEqual([20, 21].map(attributesOf));
  });

  it("keeps nulls inside lists of structs, and gives their integers as numbers", async () => {
    const item = new Struct([
      new Field("text", new Dictionary(new Utf8(), new Int32()), true),
      new Field("size", new Int64()),
    ]);
    const rows = [
      [
        { text: "a", size: 1n },
        { text: null, size: 2n },
      ],
      null,
      [],
      [{ text: "b", size: 3n }],
    ];
    const table = new Table({ list: vectorFromArray(rows, new List(new Field("item", item))) });
    const expected = [
      [
        { text: "a", size: 1 },
        { text: null, size: 2 },
      ],
      null,
      [],
      [{ text: "b", size: 3 }],
    ];
    expect((await toDataFrame(table)).array("list")).toEqual(expected);
    expect((await toDataFrame(table.slice(1, 4))).array("list")).toEqual(expected.slice(1));
  });

  it("groups, filters and sorts chunks that number their values differently", async () => {
    const chunks = [[span(0), span(1)], [span(2), span(1), span(4)], [span(3)]].map(sampleChunk);
    const frame = await toDataFrame(await toArrowTable(arriving(...chunks)));
    const counted = frame
      .groupby("name")
      .rollup({ count: op.count(), total: op.sum("duration_ns") })
      .orderby("name");
    expect(counted.objects()).toEqual([
      { name: "n0", count: 2, total: 3_000 },
      { name: "n1", count: 3, total: 6_000 },
      { name: "n2", count: 1, total: 2_000 },
    ]);
    expect(frame.filter((row: { name: string }) => row.name !== "absent").numRows()).toBe(6);
    expect(frame.orderby(desc("duration_ns")).get("duration_ns", 0)).toBe(4_000);
  });

  it("makes no group of a value that only the dictionary lists", async () => {
    const table = await toArrowTable(arriving(sampleChunk([span(0), span(1), span(2)])));
    const frame = await toDataFrame(table.slice(1, 2));
    expect(frame.groupby("name").count().objects()).toEqual([{ name: "n1", count: 1 }]);
  });

  it("has every column and no rows for an empty table", async () => {
    const frame = await toDataFrame(sampleTable([]));
    expect(frame.numRows()).toBe(0);
    expect(frame.columnNames()).toContain("resource_attributes");
  });
});
