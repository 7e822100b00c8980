import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import * as files from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Table, tableFromIPC } from "apache-arrow";
import { fromArrow, fromCSV } from "arquero";
import { readParquet } from "parquet-wasm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FileFormat, fileFormats } from "./file/file-format.ts";
import { toBlob } from "./file/to-blob.ts";
import { type FileSystem, writeAtomically } from "./file/write-atomically.ts";
import { arriving, type SampleSpan, sampleChunk, spanIdFor } from "./testing/sample-spans.ts";
import { toArrowTable } from "./to-arrow.ts";
import { encoderOf, writeFile } from "./to-file.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spanloom-query-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const startNs = 1_795_204_800_123_456_789n;

function span(index: number, more: Partial<SampleSpan> = {}): SampleSpan {
  const attributes = { "http.route": "/jobs", quote: 'say "hi",\nthen go' };
  const parentSpanId = index === 0 ? null : spanIdFor(0);
  return {
    spanId: spanIdFor(index),
    parentSpanId,
    name: `n${index % 3}`,
    startNs,
    endNs: startNs + 1_000n,
    attributes,
    ...more,
  };
}

/** Chunks that number their names differently, the second with an open span, an event and an empty stream before it. */
function chunks(): ReturnType<typeof sampleChunk>[] {
  const events = [{ timeNs: 1_795_204_800_123_000_000n, name: "retry" }];
  return [sampleChunk([span(0), span(1)]), sampleChunk([]), sampleChunk([span(5, { endNs: null, events }), span(1)])];
}

/** What a table says, in values that survive any format. */
function contents(table: Table): unknown {
  const columns = table.schema.fields.map(({ name }) => [name, [...(table.getChild(name) ?? [])]]);
  return JSON.parse(
    JSON.stringify(columns, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
  );
}

interface Maps {
  attributes: unknown;
  attribute_types: unknown;
}

/** The attribute maps of a file's rows, as a reader of its format gives them. */
function readMaps(path: string, format: FileFormat): Maps[] {
  const bytes = readFileSync(path);
  if (format === "csv") return fromCSV(bytes.toString(), { autoType: false }).objects().map(parsed);
  if (format === "jsonl")
    return bytes
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  if (format === "arrow") return fromArrow(bytes, { useMap: true }).objects().map(entriesToObjects);
  return [...tableFromIPC(readParquet(bytes).intoIPCStream())].map((row) => entriesToObjects(row.toJSON()));
}

function parsed(row: object): Maps {
  const { attributes, attribute_types } = row as Record<keyof Maps, string>;
  return { attributes: JSON.parse(attributes), attribute_types: JSON.parse(attribute_types) };
}

function entriesToObjects(row: object): Maps {
  const { attributes, attribute_types } = row as Record<keyof Maps, Iterable<[string, string]>>;
  return { attributes: Object.fromEntries(attributes), attribute_types: Object.fromEntries(attribute_types) };
}

describe("toBlob", () => {
  it.each(fileFormats)("gives what a file of format %s holds", async (format) => {
    const path = join(folder, `spans.${format}`);
    await writeFile(path, arriving(...chunks()));
    const blob = await toBlob(format, await encoderOf(format), arriving(...chunks()));
    expect(Buffer.from(await blob.arrayBuffer()).equals(readFileSync(path))).toBe(true);
    expect(blob.type).toMatch(/^(text|application)\//);
  });

  it("gives an answer of many parts", async () => {
    const streams = Array.from({ length: 30 }, (_, i) =>
      sampleChunk([span(i, { attributes: { text: "x".repeat(70_000) } })]),
    );
    for (const format of ["arrow", "jsonl"] as const) {
      const path = join(folder, `spans.${format}`);
      const { bytes } = await writeFile(path, arriving(...streams));
      expect(bytes).toBeGreaterThan(2_000_000);
      const blob = await toBlob(format, await encoderOf(format), arriving(...streams));
      expect(Buffer.from(await blob.arrayBuffer()).equals(readFileSync(path)), format).toBe(true);
    }
  });
});

describe("writeFile", () => {
  it("writes an Arrow file that holds what the table holds", async () => {
    const path = join(folder, "spans.arrow");
    const result = await writeFile(path, arriving(...chunks()));
    const bytes = readFileSync(path);
    expect(result).toEqual({ path, format: "arrow", rows: 4, bytes: bytes.byteLength });
    const table = tableFromIPC(bytes);
    expect(contents(table)).toEqual(contents(await toArrowTable(arriving(...chunks()))));
    expect(new Set(table.getChild("name")?.data.map(({ dictionary }) => dictionary)).size).toBe(1);
  });

  it("writes an Arrow file that another reader of the format understands", async () => {
    const path = join(folder, "spans.arrow");
    await writeFile(path, arriving(...chunks()));
    const frame = fromArrow(readFileSync(path));
    expect(frame.array("name")).toEqual(["n0", "n1", "n2", "n1"]);
    expect(frame.array("span_id")).toEqual([0, 1, 5, 1].map(spanIdFor));
  });

  it.each(["arrow", "parquet", "csv", "jsonl"] as const)(
    "writes attributes of hundreds of streams that number their keys differently to %s",
    async (format) => {
      const attributesOf = (index: number) => ({ [`key${index % 7}`]: "x", [`key${(index % 5) + 5}`]: `v${index}` });
      const typesOf = (index: number) => ({ [`key${index % 7}`]: `type${index % 4}` });
      const streams = Array.from({ length: 200 }, (_, index) =>
        sampleChunk([span(index, { attributes: attributesOf(index), attributeTypes: typesOf(index) })]),
      );
      const path = join(folder, `spans.${format}`);
      await writeFile(path, arriving(...streams));
      const indices = [...streams.keys()];
      const rows = readMaps(path, format);
      expect(rows.map(({ attributes }) => attributes)).toEqual(indices.map(attributesOf));
      expect(rows.map(({ attribute_types }) => attribute_types)).toEqual(indices.map(typesOf));
    },
  );

  it("writes an Arrow file whose keys are all of the dictionary, those of null rows too", async () => {
    const chunk = sampleChunk([span(0, { jobId: "a" }), span(1, { jobId: null })]);
    const keys = tableFromIPC(chunk.ipc).getChild("job_id")!.data[0]!.values as Int32Array;
    keys[1] = -1; // As the engine has it.
    const path = join(folder, "spans.arrow");
    await writeFile(path, arriving(chunk));
    const column = tableFromIPC(readFileSync(path)).getChild("job_id")!;
    expect([...column]).toEqual(["a", null]);
    expect([...column.data[0]!.values]).toEqual([0, 0]);
  });

  it.each(["arrow", "parquet", "csv", "jsonl", "otlp.json"] as const)(
    "keeps the byte order mark that a text begins with in %s",
    async (format) => {
      const mark = "\ufeff";
      const sent = span(0, {
        name: `${mark}name`,
        statusMessage: `${mark}message`,
        attributes: { key: `${mark}value` },
      });
      const path = join(folder, `spans.${format}`);
      await writeFile(path, arriving(sampleChunk([sent, span(1, { name: "name" })])));
      const bytes = readFileSync(path);
      // A reader of Arrow in JavaScript drops the mark itself, so that bytes are looked at.
      const found = format === "parquet" ? Buffer.from(readParquet(bytes).intoIPCStream()) : bytes;
      for (const text of ["name", "message", "value"]) expect(found.includes(mark + text), text).toBe(true);
    },
  );

  it("writes Parquet that holds what the table holds, nanoseconds included", async () => {
    const path = join(folder, "spans.parquet");
    await writeFile(path, arriving(...chunks()));
    const table = tableFromIPC(readParquet(readFileSync(path)).intoIPCStream());
    expect(contents(table)).toEqual(contents(await toArrowTable(arriving(...chunks()))));
    expect(table.getChild("start_time")?.data[0]?.values[0]).toBe(startNs);
  });

  it("writes JSON Lines with nanoseconds, nested values and null", async () => {
    const path = join(folder, "spans.jsonl");
    await writeFile(path, arriving(...chunks()));
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    expect(JSON.parse(lines[2]!)).toMatchObject({
      span_id: spanIdFor(5),
      parent_span_id: spanIdFor(0),
      name: "n2",
      start_time: "2026-11-20T20:00:00.123456789Z",
      end_time: null,
      duration_ns: null,
      attributes: { "http.route": "/jobs", quote: 'say "hi",\nthen go' },
      events: [{ time: expect.stringMatching(/^2026-11-20T20:00:00\.123\d{6}Z$/), name: "retry", attributes: {} }],
      links: [],
      flags: 1,
    });
  });

  it("writes JSON as one array of the objects that JSON Lines have", async () => {
    for (const format of ["json", "jsonl"]) await writeFile(join(folder, `spans.${format}`), arriving(...chunks()));
    const lines = readFileSync(join(folder, "spans.jsonl"), "utf8").trimEnd().split("\n");
    expect(readFileSync(join(folder, "spans.json"), "utf8")).toBe(`[\n${lines.join(",\n")}\n]\n`);
  });

  it("writes CSV with a header, quotes where needed, and tells null from empty text", async () => {
    const path = join(folder, "spans.csv");
    await writeFile(path, arriving(sampleChunk([span(0)])));
    const [header, ...rest] = readFileSync(path, "utf8").split("\n");
    expect(header).toMatch(/^trace_id,span_id,parent_span_id,name,kind,type,start_time,/);
    expect(rest.join("\n")).toMatch(
      /^0198c0de00007000800000000000cafe,0000000000000001,,n0,INTERNAL,user,2026-11-20T20:00:00\.123456789Z,[^,]+,1000,UNSET,"",/,
    );
    expect(rest.join("\n")).toContain(String.raw`"{""http.route"":""/jobs"",""quote"":""say \""hi\"",\nthen go""}"`);
  });

  it.each(["arrow", "parquet", "csv", "json", "jsonl"] as const)(
    "writes a whole %s file when nothing matched",
    async (format) => {
      const path = join(folder, `spans.${format}`);
      expect(await writeFile(path, arriving(sampleChunk([])))).toMatchObject({ format, rows: 0 });
      const bytes = readFileSync(path);
      if (format === "arrow") expect(tableFromIPC(bytes).schema.fields.length).toBeGreaterThan(20);
      if (format === "parquet") expect(readParquet(bytes).schema).toBeDefined();
      if (format === "csv") expect(bytes.toString()).toMatch(/^trace_id,.*\n$/);
      if (format === "json") expect(bytes.toString()).toBe("[]\n");
      if (format === "jsonl") expect(bytes.byteLength).toBe(0);
    },
  );

  it("takes the format from the option where the extension says nothing", async () => {
    const path = join(folder, "out.txt");
    expect(await writeFile(path, arriving(...chunks()), { format: "csv" })).toMatchObject({ format: "csv", rows: 4 });
  });

  it("names the extensions it knows when it knows not the one given", async () => {
    await expect(writeFile("spans.xlsx", arriving(...chunks()))).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      message:
        'cannot query: file "spans.xlsx" has none of the extensions .arrow, .parquet, .csv, .json, .jsonl, .perfetto.json, .otlp.json, .otlp.jsonl',
    });
  });

  it("leaves the file as it was, and nothing beside it, when the answer breaks off", async () => {
    const path = join(folder, "spans.jsonl");
    writeFileSync(path, "before");
    async function* broken(): ReturnType<typeof arriving<ReturnType<typeof sampleChunk>>> {
      yield sampleChunk([span(0)]);
      throw new Error("connection lost");
    }
    await expect(writeFile(path, broken())).rejects.toThrow("connection lost");
    expect(readFileSync(path, "utf8")).toBe("before");
    expect(readdirSync(folder)).toEqual(["spans.jsonl"]);
  });

  it("ends the query when the disk refuses, and says which file and why", async () => {
    let stopped = false;
    async function* source(): ReturnType<typeof arriving<ReturnType<typeof sampleChunk>>> {
      try {
        yield sampleChunk([span(0)]);
      } finally {
        stopped = true;
      }
    }
    const path = join(folder, "missing", "spans.csv");
    await expect(writeFile(path, source())).rejects.toMatchObject({
      reason: "INVALID_STATE",
      message: expect.stringMatching(/^cannot write ".*spans\.csv": ENOENT/),
    });
    expect(existsSync(path)).toBe(false);
    expect(stopped).toBe(false);
  });

  it.each([
    ["ENOSPC", "OVERLOADED"],
    ["EIO", "INVALID_STATE"],
  ])("turns %s into %s and removes the temporary file", async (code, reason) => {
    const open: FileSystem["open"] = async (...args) => {
      const handle = await files.open(...args);
      handle.writeFile = () => Promise.reject(Object.assign(new Error(`${code}: refused`), { code }));
      return handle;
    };
    const path = join(folder, "spans.csv");
    await expect(writeAtomically(path, arriving("x"), { ...files, open })).rejects.toMatchObject({
      reason,
      message: `cannot write "${path}": ${code}: refused`,
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("does not replace what is no regular file", async () => {
    const path = join(folder, "folder.csv");
    mkdirSync(path);
    await expect(writeFile(path, arriving(...chunks()))).rejects.toThrow("it is there and not a regular file");
    expect(readdirSync(folder)).toEqual(["folder.csv"]);
  });

  it("follows a link to the file it replaces", async () => {
    const [real, link] = [join(folder, "real.csv"), join(folder, "link.csv")];
    writeFileSync(real, "before");
    symlinkSync(real, link);
    await writeAtomically(link, arriving("after"));
    expect(readFileSync(real, "utf8")).toBe("after");
    expect(readdirSync(folder).sort()).toEqual(["link.csv", "real.csv"]);
  });
});
