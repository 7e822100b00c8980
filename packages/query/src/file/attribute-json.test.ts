import { type Data, Field, Map_, makeData, Struct, Utf8, vectorFromArray } from "apache-arrow";
import { expect, it } from "vitest";
import { attributeWriter } from "./attribute-json.ts";

const entry = new Struct<{ key: Utf8; value: Utf8 }>([
  new Field("key", new Utf8(), false),
  new Field("value", new Utf8(), false),
]);

/** A map column; Arrow's own builder has each key of a row once. */
function mapsOf(...rows: [key: string, value: string][][]): Data {
  const entries = rows.flat();
  const texts = (at: 0 | 1) =>
    vectorFromArray(
      entries.map((each) => each[at]),
      new Utf8(),
    ).data[0]!;
  const child = makeData({ type: entry, length: entries.length, nullCount: 0, children: [texts(0), texts(1)] });
  const valueOffsets = Int32Array.from([0, ...rows.keys()], (_, i) => rows.slice(0, i).flat().length);
  return makeData({ type: new Map_(new Field("entries", entry, false)), length: rows.length, valueOffsets, child });
}

it("gives each value of a key that repeats its own type, and other keys theirs", () => {
  const values = mapsOf(
    [
      ["v", ""],
      ["n", "5"],
      ["v", "[1]"],
      ["t", "text"],
      ["v", "7"],
      ["v", "x"],
    ],
    [["v", "plain"]],
  );
  const types = mapsOf(
    [
      ["v", "empty"],
      ["n", "int"],
      ["v", "array"],
      ["v", "int"],
      ["v", ""],
    ],
    [],
  );
  const write = attributeWriter(values, types, (key, text, of) => `${key} ${text} ${of}`);
  expect([0, 1].map(write)).toEqual([
    ['"v"  empty', '"n" 5 int', '"v" [1] array', '"t" text ', '"v" 7 int', '"v" x '],
    ['"v" plain '],
  ]);
});
