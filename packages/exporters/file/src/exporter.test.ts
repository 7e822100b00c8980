import { readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { logsToJson, tracesToJson } from "@spanloom/exporter/otlp";
import { sampleLogs, sampleTraces, tempDir, testExporter, testReadme, waitFor } from "@spanloom/testing";
import { type Table, tableFromIPC } from "apache-arrow";
import { readParquet } from "parquet-wasm";
import { describe, expect, it } from "vitest";
import { fileVariables } from "./config.ts";
import { exporterFromEnv, FileExporter } from "./exporter.ts";
import * as module from "./index.ts";

const files = (directory: string, end: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(end))
    .sort();

function lines(directory: string, prefix: string): unknown[] {
  return files(directory, ".jsonl")
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => readFileSync(join(directory, name), "utf8").split("\n").slice(0, -1))
    .map((line) => JSON.parse(line));
}

function table(path: string): Table {
  return tableFromIPC(readParquet(readFileSync(path)).intoIPCStream());
}

testExporter("exporter-file with JSONL", async () => {
  const folder = tempDir();
  const exporter = exporterFromEnv({ SPANLOOM_FILE_DIRECTORY: folder.path });
  type Names = { resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[] };
  type Bodies = { resourceLogs: { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] }[] };
  return {
    exporter,
    spanNames: () =>
      (lines(folder.path, "spans") as Names[]).flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))),
      ),
    logBodies: () =>
      (lines(folder.path, "logs") as Bodies[]).flatMap(({ resourceLogs }) =>
        resourceLogs.flatMap(({ scopeLogs }) =>
          scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body }) => body.stringValue)),
        ),
      ),
    async [Symbol.asyncDispose]() {
      await exporter.shutdown();
      folder[Symbol.dispose]();
    },
  };
});

describe("JSONL files", () => {
  it("hold a request of OTLP JSON a line, spans and log records apart", async () => {
    using folder = tempDir();
    const directory = join(folder.path, "made", "when missing");
    const exporter = new FileExporter({ directory });
    const batches = [{ ...sampleTraces("a", "b"), ...sampleLogs("l") }, sampleTraces("c\nd")];
    for (const batch of batches) expect(await exporter.export(batch)).toEqual({ outcome: "exported" });
    expect(lines(directory, "spans")).toEqual(batches.map(({ traces }) => tracesToJson(traces!)));
    expect(lines(directory, "logs")).toEqual([logsToJson(batches[0]!.logs!)]);
    await exporter.shutdown();
  });

  it("end when they are large or old, the oldest of too many are removed, and others stay", async () => {
    using folder = tempDir();
    let nowMs = 1_795_204_800_000;
    const options = { directory: folder.path, maxFileBytes: 2_500, maxFileAgeMs: 1_000_000, maxFiles: 2 };
    const exporter = new FileExporter(options, () => nowMs);
    writeFileSync(join(folder.path, "spans.jsonl"), "of somebody else\n");
    const send = async (name: string) =>
      expect(await exporter.export(sampleTraces(name))).toEqual({ outcome: "exported" });
    for (const name of ["a", "b", "c"]) await send(name);
    expect(files(folder.path, ".jsonl").filter((name) => name.startsWith("spans-"))).toHaveLength(2);
    nowMs += 1_000_000;
    await send("d");
    nowMs += 1_000_000;
    await send("e");
    await exporter.shutdown();
    const left = files(folder.path, ".jsonl");
    expect(left).toHaveLength(3);
    expect(left).toContain("spans.jsonl");
    expect(left.slice(0, 2)).toEqual([
      expect.stringMatching(/^spans-20261120T201640\.000Z-[0-9a-f]{8}\.jsonl$/),
      expect.stringMatching(/^spans-20261120T203320\.000Z-[0-9a-f]{8}\.jsonl$/),
    ]);
  });

  it("are each of one writer when several processes share a folder", async () => {
    using folder = tempDir();
    const exporters = [1, 2, 3].map(() => new FileExporter({ directory: folder.path }));
    await Promise.all(exporters.map((exporter, index) => exporter.export(sampleTraces(`s${index}`))));
    await Promise.all(exporters.map((exporter) => exporter.shutdown()));
    expect(lines(folder.path, "spans")).toHaveLength(3);
    expect(files(folder.path, ".jsonl")).toHaveLength(3);
  });

  it("ask to try again when nothing can be written, and do not write spans twice for log records", async () => {
    using folder = tempDir();
    const directory = join(folder.path, "f");
    writeFileSync(directory, "a file, not a folder");
    const exporter = new FileExporter({ directory });
    const batch = { ...sampleTraces("a"), ...sampleLogs("l") };
    expect(await exporter.export(batch)).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("cannot export to files: "),
    });
    rmSync(directory);
    const first = sampleTraces("b");
    expect(await exporter.export(first)).toEqual({ outcome: "exported" });
    // The folder is moved while the file of spans is open: only a new file, that of log records, cannot be made.
    const moved = join(folder.path, "moved");
    renameSync(directory, moved);
    writeFileSync(directory, "again");
    expect(await exporter.export(batch)).toMatchObject({ outcome: "retry" });
    rmSync(directory);
    expect(await exporter.export(batch)).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    expect(lines(moved, "spans")).toEqual([tracesToJson(first.traces!), tracesToJson(batch.traces!)]);
    expect(lines(directory, "logs")).toEqual([logsToJson(batch.logs!)]);
  });
});

describe("Parquet files", () => {
  it("hold a row a span, with the columns of the query schema, as another reader sees them", async () => {
    using folder = tempDir();
    const exporter = exporterFromEnv({ SPANLOOM_FILE_DIRECTORY: folder.path, SPANLOOM_FILE_FORMAT: "parquet" });
    const names = Array.from({ length: 4_500 }, (_, index) => `s${index}`);
    expect(await exporter.export({ ...sampleTraces(...names), ...sampleLogs("l1", "l2") })).toEqual({
      outcome: "exported",
    });
    expect(files(folder.path, ".parquet")).toEqual([]);
    await exporter.shutdown();
    const [logs, spans] = files(folder.path, ".parquet").map((name) => table(join(folder.path, name)));
    expect(readdirSync(folder.path)).toHaveLength(2);
    expect([...spans!.getChild("name")!]).toEqual(names);
    const row = spans!.get(0)!.toJSON();
    expect(row).toMatchObject({
      trace_id: "07070707070707070707070707070707",
      span_id: "0000000100000000",
      parent_span_id: "0909090909090909",
      kind: "CONSUMER",
      duration_ns: 250_000_001n,
      status: "ERROR",
      status_message: "no",
      flags: 257n,
      queue: "default",
      job_id: null,
      service_name: "suite",
      scope_name: "scope",
    });
    expect(JSON.parse(row.attributes)).toEqual({
      "spanloom.queue": "default",
      large: "9223372036854775807",
      ratio: 0.1,
      raw: "01ff",
    });
    expect(JSON.parse(row.events)).toEqual([
      { time_unix_nano: "1795204800000000002", name: "e", attributes: { é: "ü" } },
    ]);
    expect(JSON.parse(row.links)).toMatchObject([{ span_id: "0808080808080808" }]);
    const start = spans!.schema.fields.find(({ name }) => name === "start_time")!;
    expect(String(start.type)).toBe("Timestamp<NANOSECOND, UTC>");
    expect(spans!.getChild("end_time")!.data[0]!.values[0]).toBe(1_795_204_800_250_000_001n);
    expect([...logs!.getChild("body")!].map((body) => JSON.parse(body))).toEqual(["l1", "l2"]);
  });

  it("are made when they are old without anything coming, and are never half made", async () => {
    using folder = tempDir();
    const exporter = new FileExporter({ directory: folder.path, format: "parquet", maxFileAgeMs: 100 });
    await exporter.export(sampleTraces("a"));
    await waitFor(() => files(folder.path, ".parquet").length === 1, { what: "the Parquet file" });
    expect(table(join(folder.path, files(folder.path, ".parquet")[0]!)).numRows).toBe(1);
    await exporter.shutdown();
  });

  it("of a process that was killed are made by the next, but not those of one that lives", async () => {
    using folder = tempDir();
    const options = { directory: folder.path, format: "parquet", maxFileAgeMs: 1_000_000 } as const;
    const killed = new FileExporter(options);
    await killed.export(sampleTraces("a", "b"));
    const [part] = files(folder.path, ".part");
    const lives = new FileExporter(options);
    await lives.export(sampleTraces("c"));
    const old = new Date(Date.now() - 3_000_000);
    utimesSync(join(folder.path, part!), old, old);
    const next = new FileExporter(options);
    await next.export(sampleTraces("d"));
    await waitFor(() => files(folder.path, ".parquet").length === 1, { what: "the orphan's file" });
    const made = files(folder.path, ".parquet");
    expect([...table(join(folder.path, made[0]!)).getChild("name")!]).toEqual(["a", "b"]);
    await waitFor(() => files(folder.path, ".part").length === 2, { what: "the orphan to go" });
    await Promise.all([lives.shutdown(), next.shutdown()]);
  });

  it("keep what was written before a file that is damaged, for people to look at", async () => {
    using folder = tempDir();
    const part = join(folder.path, "spans-20200101T000000.000Z-00000000.part");
    writeFileSync(part, Uint8Array.of(200, 1, 2));
    utimesSync(part, new Date(0), new Date(0));
    const exporter = new FileExporter({ directory: folder.path, format: "parquet" });
    expect(await exporter.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    expect(files(folder.path, ".part")).toHaveLength(1);
    expect(files(folder.path, ".parquet")).toHaveLength(1);
  });
});

describe("options", () => {
  it.each([
    [{}, "directory is missing; give it, or set SPANLOOM_FILE_DIRECTORY"],
    [{ directory: "d", maxFileAgeMs: 1 }, 'maxFileAgeMs "1" is not a whole number from 100 to 2147483647'],
    [{ directory: "d", maxFiles: 0 }, 'maxFiles "0" is not a whole number from 1 to 2147483647'],
  ])("refuses %o", (options, problem) => {
    expect(() => exporterFromEnv({}, options)).toThrow(`cannot export: ${problem}`);
  });

  it("reads every variable, and options beat them", async () => {
    using folder = tempDir();
    const env = {
      SPANLOOM_FILE_DIRECTORY: "/nowhere",
      SPANLOOM_FILE_FORMAT: "parquet",
      SPANLOOM_FILE_MAX_BYTES: "1000",
      SPANLOOM_FILE_MAX_AGE_MS: "500",
      SPANLOOM_FILE_MAX_FILES: "5",
    };
    expect(exporterFromEnv(env).destination).toBe("parquet /nowhere");
    expect(exporterFromEnv(env, { directory: folder.path, format: "jsonl" }).destination).toBe(`jsonl ${folder.path}`);
    expect(() => exporterFromEnv({ ...env, SPANLOOM_FILE_FORMAT: "csv" })).toThrow(
      'SPANLOOM_FILE_FORMAT "csv" is not one of jsonl, parquet',
    );
  });
});

testReadme("exporter-file", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: fileVariables,
  env: { SPANLOOM_FILE_DIRECTORY: "/nowhere" },
  async backend() {
    const folder = tempDir();
    return {
      options: { directory: folder.path },
      spanNames: () =>
        files(folder.path, ".jsonl")
          .flatMap((name) => (readFileSync(join(folder.path, name), "utf8").includes('"name":"a"') ? ["a"] : []))
          .concat(
            files(folder.path, ".parquet").flatMap((name) => [...table(join(folder.path, name)).getChild("name")!]),
          ),
      problems: () => files(folder.path, ".part"),
      [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
    };
  },
});
