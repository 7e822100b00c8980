import {
  Dictionary,
  Field,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { expect, it } from "vitest";
import { emptyHeat, heatBin } from "../../charts/heat-grid.ts";
import { countHeat } from "./count-heat.ts";

function batchOf(spans: readonly { startMs: number; ns: number | null; status: string }[]): RecordBatch {
  const text = new Dictionary(new Utf8(), new Int32());
  const columns = {
    start_time: vectorFromArray(
      spans.map(({ startMs }) => BigInt(startMs) * 1_000_000n),
      new Int64(),
    ),
    duration_ns: vectorFromArray(
      spans.map(({ ns }) => (ns === null ? null : BigInt(ns))),
      new Int64(),
    ),
    status: vectorFromArray(
      spans.map(({ status }) => status),
      text,
    ),
  };
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type, true));
  const children = Object.values(columns).map(({ data }) => data[0]!);
  const type = new Struct(fields);
  return new RecordBatch(new Schema(fields), makeData({ type, length: spans.length, nullCount: 0, children }));
}

it("spans are counted by when they began and how long they took, those that failed besides", () => {
  const heat = emptyHeat(3);
  const batch = batchOf([
    { startMs: 1_000, ns: 5_000_000, status: "OK" },
    { startMs: 1_999, ns: 5_000_000, status: "ERROR" },
    { startMs: 3_000, ns: 0, status: "UNSET" },
    { startMs: 2_000, ns: null, status: "ERROR" },
    { startMs: 999, ns: 1, status: "OK" },
    { startMs: 4_000, ns: 1, status: "OK" },
  ]);
  countHeat(heat, { firstMs: 1_000, stepMs: 1_000 }, batch);
  const row = heatBin(5_000_000) * 3;
  expect([heat.counts[row], heat.errors[row], heat.counts[2]]).toEqual([2, 1, 1]);
  expect(heat.counts.reduce((sum, count) => sum + count, 0)).toBe(3);
});
