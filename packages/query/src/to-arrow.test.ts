import { create } from "@bufbuild/protobuf";
import { type ArrowChunk, ArrowChunkSchema } from "@spanloom/protocol";
import {
  type DataType,
  Dictionary,
  Field,
  Int32,
  List,
  Map_,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { readBatches } from "./read-arrow.ts";
import { arriving, type SampleSpan, sampleChunk, spanIdFor } from "./testing/sample-spans.ts";
import { toArrowTable } from "./to-arrow.ts";

function spans(names: readonly string[], from = 0): SampleSpan[] {
  return names.map((name, index) => ({
    spanId: spanIdFor(from + index),
    name,
    startNs: 1_700_000_000_000_000_000n + BigInt(from + index),
    endNs: index % 2 === 0 ? null : 1_700_000_000_000_000_500n,
    attributes: { index: String(from + index) },
  }));
}

function join(...chunks: ArrowChunk[]): ArrowChunk {
  return create(ArrowChunkSchema, { ipc: Buffer.concat(chunks.map(({ ipc }) => ipc)) });
}

function texts(vector: Vector | null): unknown[] {
  return [...(vector ?? [])];
}

function chunkOf(name: string, vector: Vector): ArrowChunk {
  return create(ArrowChunkSchema, { ipc: tableToIPC(new Table({ [name]: vector }), "stream") });
}

/** One column: a list of structs of a dictionary. */
function nestedChunk(rows: readonly unknown[]): ArrowChunk {
  const item = new Struct([new Field("text", new Dictionary(new Utf8(), new Int32(), 7), true)]);
  return chunkOf("list", vectorFromArray(rows, new List(new Field("item", item, true))));
}

function plainMap(row: unknown): unknown {
  return Object.fromEntries(row as Iterable<[string, string]>);
}

/** Sizes of the dictionaries of a map column's keys and values; each must be one object in all batches. */
function dictionariesOf(table: Table, name: string): number[] {
  const entries = table.getChild(name)!.data.map((data) => data.children[0]!.children);
  return [0, 1].flatMap((part) => {
    const dictionaries = new Set(entries.map((children) => children[part]!.dictionary));
    expect(dictionaries.size).toBe(1);
    return [...dictionaries].flatMap((dictionary) => (dictionary ? [dictionary.length] : []));
  });
}

describe("toArrowTable", () => {
  it("keeps every value when chunks number their dictionaries differently", async () => {
    const names = [
      ["a", "b", "a"],
      ["b", "c"],
      ["c", "a", "d", "b"],
    ];
    const chunks = names.map((list, index) => sampleChunk(spans(list, names.slice(0, index).flat().length)));
    const table = await toArrowTable(arriving(...chunks));
    expect(table.numRows).toBe(9);
    expect(texts(table.getChild("name"))).toEqual(names.flat());
    expect(texts(table.getChild("span_id"))).toEqual(names.flat().map((_, index) => spanIdFor(index)));
    expect(table.getChild("attributes")?.get(4)?.toJSON()).toEqual({ index: "4" });
  });

  it("gives a dictionary column one dictionary in all its batches", async () => {
    const table = await toArrowTable(arriving(sampleChunk(spans(["a", "b"])), sampleChunk(spans(["c", "b"]))));
    const data = table.getChild("name")!.data;
    expect(new Set(data.map(({ dictionary }) => dictionary)).size).toBe(1);
    expect(texts(data[0]!.dictionary!)).toEqual(["a", "b", "c"]);
    expect(data.map(({ values }) => [...values])).toEqual([
      [0, 1],
      [2, 1],
    ]);
  });

  it("survives a trip through one IPC stream", async () => {
    const table = await toArrowTable(arriving(sampleChunk(spans(["a", "b"])), sampleChunk(spans(["c", "b"]))));
    const again = tableFromIPC(tableToIPC(table, "stream"));
    expect(texts(again.getChild("name"))).toEqual(["a", "b", "c", "b"]);
    expect(texts(again.getChild("end_time"))).toEqual(texts(table.getChild("end_time")));
  });

  it("reads several streams in one chunk, empty ones among them", async () => {
    const chunk = join(sampleChunk(spans(["a"])), sampleChunk([]), sampleChunk(spans(["b", "c"])));
    const table = await toArrowTable(arriving(chunk));
    expect(texts(table.getChild("name"))).toEqual(["a", "b", "c"]);
  });

  it("has a schema and no rows when nothing matched", async () => {
    const table = await toArrowTable(arriving(sampleChunk([])));
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(({ name }) => name)).toContain("duration_ns");
    expect(table.getChild("name")?.type.toString()).toBe("Dictionary<Int32, Utf8>");
  });

  it("keeps nulls null, also in dictionary columns sliced from the middle", async () => {
    const source = tableFromIPC(sampleChunk(spans(["a", "b", "c", "d"])).ipc);
    const sliced = create(ArrowChunkSchema, { ipc: tableToIPC(source.slice(1, 4), "stream") });
    const table = await toArrowTable(arriving(sampleChunk(spans(["z"])), sliced));
    expect(texts(table.getChild("name"))).toEqual(["z", "b", "c", "d"]);
    expect(texts(table.getChild("end_time")).map((time) => time === null)).toEqual([true, false, true, false]);
  });

  it("does not copy a column that needs no change (P5)", async () => {
    const chunk = sampleChunk(spans(["a", "b", "a"]));
    const table = await toArrowTable(arriving(chunk));
    for (const name of ["name", "start_time", "flags", "status"]) {
      expect(table.getChild(name)?.data[0]?.values.buffer, name).toBe(chunk.ipc.buffer);
    }
  });

  it("is right over hundreds of batches", async () => {
    const chunks = Array.from({ length: 300 }, (_, index) =>
      sampleChunk(spans([`n${index % 7}`, `m${index % 5}`, `only-${index}`], index * 3)),
    );
    const table = await toArrowTable(arriving(...chunks));
    expect(table.numRows).toBe(900);
    const names = table.getChild("name") as Vector<Dictionary>;
    for (let row = 0; row < 900; row++) {
      const chunk = Math.floor(row / 3);
      expect(names.get(row)).toBe([`n${chunk % 7}`, `m${chunk % 5}`, `only-${chunk}`][row % 3]);
    }
    expect(texts(table.getChild("name")).length).toBe(900);
  });

  it("gives keys and values of maps one dictionary each over hundreds of streams that number them differently", async () => {
    const attributesOf = (index: number) => ({
      [`key${index % 7}`]: "x",
      [`key${index % 5}${index % 3}`]: `v${index}`,
    });
    const chunks = Array.from({ length: 300 }, (_, index) =>
      sampleChunk([
        { ...spans(["a"], index)[0]!, attributes: attributesOf(index), attributeTypes: { [`key${index % 7}`]: "int" } },
        { ...spans(["a"], index)[0]!, attributes: {}, attributeTypes: { b: `type${index % 4}` } },
      ]),
    );
    const table = await toArrowTable(arriving(...chunks));
    expect(dictionariesOf(table, "attributes")).toEqual([22]);
    expect(dictionariesOf(table, "attribute_types")).toEqual([8, 5]);
    const again = tableFromIPC(tableToIPC(table, "file"));
    for (const each of [table, again]) {
      const attributes = texts(each.getChild("attributes")).map(plainMap);
      const types = texts(each.getChild("attribute_types")).map(plainMap);
      for (let index = 0; index < 300; index++) {
        expect(attributes[2 * index]).toEqual(attributesOf(index));
        expect(attributes[2 * index + 1]).toEqual({});
        expect(types.slice(2 * index, 2 * index + 2)).toEqual([
          { [`key${index % 7}`]: "int" },
          { b: `type${index % 4}` },
        ]);
      }
    }
  });

  it("unifies dictionaries inside lists of structs, nulls among them, and keeps all other buffers views (P5)", async () => {
    const rows = [
      [[{ text: "a" }, { text: null }], null, [{ text: "b" }]],
      [[{ text: "b" }], [], [{ text: "c" }, { text: "a" }]],
    ];
    const chunks = rows.map(nestedChunk);
    const table = await toArrowTable(arriving(...chunks));
    const plain = texts(table.getChild("list")).map((list) => list && [...(list as Vector)].map((row) => row.text));
    expect(plain).toEqual([["a", null], null, ["b"], ["b"], [], ["c", "a"]]);
    const [first, second] = table.getChild("list")!.data;
    expect(first!.valueOffsets.buffer).toBe(chunks[0]!.ipc.buffer);
    expect(first!.children[0]!.children[0]!.values.buffer).toBe(chunks[0]!.ipc.buffer);
    expect(second!.valueOffsets.buffer).toBe(chunks[1]!.ipc.buffer);
    expect([...second!.children[0]!.children[0]!.values]).toEqual([1, 2, 0]);
  });

  it("reads maps without dictionaries as they are (P5)", async () => {
    const plain = new Map_(
      new Field(
        "entries",
        new Struct<{ key: Utf8; value: Utf8 }>([new Field("key", new Utf8()), new Field("value", new Utf8())]),
      ),
    );
    const chunks = ["a", "b"].map((value) =>
      chunkOf("map", vectorFromArray([new Map([[value, value]]), new Map()], plain)),
    );
    const table = await toArrowTable(arriving(...chunks));
    expect(texts(table.getChild("map")).map(plainMap)).toEqual([{ a: "a" }, {}, { b: "b" }, {}]);
    expect(table.getChild("map")!.data[1]!.children[0]!.children[0]!.values.buffer).toBe(chunks[1]!.ipc.buffer);
  });

  it("refuses a column that changes its type within one answer", async () => {
    const chunks = [new Dictionary(new Utf8(), new Int32(), 0), new Utf8()].map((type) =>
      chunkOf("text", vectorFromArray(["a"], type as DataType)),
    );
    await expect(toArrowTable(arriving(...chunks))).rejects.toThrow("the columns changed within one answer");
    await expect(toArrowTable(arriving(...chunks.reverse()))).rejects.toThrow("the columns changed within one answer");
  });

  it("refuses bytes that are not Arrow", async () => {
    const broken = create(ArrowChunkSchema, { ipc: sampleChunk(spans(["a"])).ipc.slice(0, 300) });
    await expect(toArrowTable(arriving(broken))).rejects.toMatchObject({
      reason: "INTERNAL",
      message: expect.stringContaining("cannot read Arrow: a chunk of 300 bytes"),
    });
  });
});

describe("readBatches", () => {
  it("yields batches as they arrive and stops the source when the loop is left (P5)", async () => {
    let produced = 0;
    let stopped = false;
    async function* source(): AsyncGenerator<ArrowChunk> {
      try {
        for (;;) {
          produced++;
          yield sampleChunk(spans(["a", "b"]));
        }
      } finally {
        stopped = true;
      }
    }
    let rows = 0;
    for await (const batch of readBatches(source())) {
      rows += batch.numRows;
      if (rows >= 6) break;
    }
    expect({ rows, produced, stopped }).toEqual({ rows: 6, produced: 3, stopped: true });
  });
});
