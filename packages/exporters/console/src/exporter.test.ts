import { join } from "node:path";
import { Writable } from "node:stream";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { registeredExporters, type TelemetryBatch } from "@spanloom/exporter";
import { hexToBytes } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema, type SpanSchema } from "@spanloom/protocol/otlp";
import { sampleLogs, testExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import type { ConsoleOptions, TextSink } from "./config.ts";
import { consoleVariables } from "./config.ts";
import { ConsoleExporter, configureConsole, exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

function setUp({ isTTY, columns, ...options }: Omit<ConsoleOptions, "stream"> & Partial<TextSink> = {}): {
  exporter: ConsoleExporter;
  output: () => string;
} {
  let text = "";
  const stream = { isTTY, columns, write: (piece: string) => (text += piece) };
  return { exporter: new ConsoleExporter({ stream, ...options }), output: () => text };
}

testExporter("ConsoleExporter", async () => {
  const { exporter, output } = setUp({ format: "json" });
  const lines = (): Record<string, unknown>[] =>
    output()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return {
    exporter,
    spanNames: () => lines().flatMap((line) => ("name" in line ? [String(line.name)] : [])),
    logBodies: () => lines().flatMap((line) => ("body" in line ? [String(line.body)] : [])),
    [Symbol.asyncDispose]: () => exporter.shutdown(),
  };
});

const startNs = 1_795_204_800_000_000_000n;

type SpanInit = Exclude<MessageInitShape<typeof SpanSchema>, { $typeName: string }>;

function span(
  id: number,
  parent: number,
  ms: number,
  more: SpanInit & { type?: string; attempt?: number; outcome?: string } = {},
): SpanInit {
  const { type, attempt, outcome, ...init } = more;
  const text = (value: string) => ({ value: { case: "stringValue" as const, value } });
  return {
    name: `s${id}`,
    traceId: new Uint8Array(16).fill(1),
    spanId: hexToBytes(id.toString(16).padStart(16, "0")),
    parentSpanId: parent === 0 ? new Uint8Array(0) : hexToBytes(parent.toString(16).padStart(16, "0")),
    startTimeUnixNano: startNs + BigInt(id),
    endTimeUnixNano: startNs + BigInt(id) + BigInt(ms) * 1_000_000n,
    attributes: [
      ...(type ? [{ key: "spanloom.span.type", value: text(type) }] : []),
      ...(outcome ? [{ key: "spanloom.outcome", value: text(outcome) }] : []),
      ...(attempt
        ? [{ key: "spanloom.task.attempt", value: { value: { case: "intValue" as const, value: BigInt(attempt) } } }]
        : []),
    ],
    ...init,
  };
}

function batch(...spans: SpanInit[]): TelemetryBatch {
  return { traces: create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] }) };
}

describe("ConsoleExporter", () => {
  it("prints a tree when its attempt has ended, children by start", async () => {
    const { exporter, output } = setUp();
    await exporter.export(batch(span(5, 3, 20), span(4, 3, 120)));
    expect(output()).toBe("");
    await exporter.export(batch(span(6, 4, 1), span(3, 2, 1_500, { name: "fetch", type: "attempt", attempt: 2 })));
    expect(output()).toBe(
      [
        "20:00:01.500 fetch #2 1.50 s",
        "             ├ s4 120 ms",
        "             │ └ s6 1.0 ms",
        "             └ s5 20.0 ms",
        "",
      ].join("\n"),
    );
  });

  it("prints why a span failed, without letting it steer the terminal", async () => {
    const { exporter, output } = setUp({ color: true });
    await exporter.export(batch(span(1, 0, 5, { name: "a\u001b[2J", status: { code: 2, message: "disk\nfull" } })));
    expect(output()).toBe(
      "\u001b[2m20:00:00.005 \u001b[0m\u001b[31ma�[2J ✗\u001b[0m \u001b[2m5.0 ms\u001b[0m\u001b[31m  disk full\u001b[0m\n",
    );
  });

  it("prints what comes together as one tree, a job with its tasks and attempts, retries in order", async () => {
    const { exporter, output } = setUp();
    await exporter.export(
      batch(
        span(4, 2, 3, { name: "fetch", type: "attempt", attempt: 1, status: { code: 2, message: "reset" } }),
        span(6, 5, 1),
        span(5, 2, 4, { name: "fetch", type: "attempt", attempt: 2 }),
        span(2, 1, 9, { name: "task fetch", type: "task" }),
        span(3, 1, 1, { name: "task skip", type: "task", outcome: "skipped" }),
        span(1, 0, 10, { name: "job fetch", type: "job" }),
      ),
    );
    expect(output()).toBe(
      [
        "20:00:00.010 job fetch 10.0 ms",
        "             ├ task fetch 9.0 ms",
        "             │ ├ fetch ✗ 3.0 ms  reset",
        "             │ └ fetch #2 4.0 ms",
        "             │   └ s6 1.0 ms",
        "             └ task skip 1.0 ms  skipped",
        "",
      ].join("\n"),
    );
  });

  it("fits a narrow terminal: names are cut, and messages go on below", async () => {
    const message = "socket hang up: the server closed the connection before it answered";
    const failed = { status: { code: 2, message } } as const;
    const { exporter, output } = setUp({ isTTY: true, columns: 50, color: false });
    await exporter.export(
      batch(span(1, 0, 5, { name: "fetch", ...failed }), span(2, 1, 1, { name: "x".repeat(60), ...failed })),
    );
    expect(output()).toBe(
      [
        "20:00:00.005 fetch ✗ 5.0 ms",
        "             │ socket hang up: the server closed",
        "             │ the connection before it answered",
        `             └ ${"x".repeat(25)}… ✗ 1.0 ms`,
        "                 socket hang up: the server closed",
        "                 the connection before it answered",
        "",
      ].join("\n"),
    );
    for (const line of output().split("\n")) expect(line.length).toBeLessThanOrEqual(50);
  });

  it("answers failed for a stream whose reader is gone, and ends no process", async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const exporter = new ConsoleExporter({ stream });
    expect(await exporter.export(batch(span(1, 0, 5)))).toEqual({ outcome: "failed", message: "cannot print: EPIPE" });
    // The stream's error event comes later.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await exporter.export(batch(span(1, 0, 5)))).toMatchObject({ outcome: "failed" });
    await exporter.shutdown();
  });

  it("waits for a stream that is full, until it is shut down", async () => {
    const taken: (() => void)[] = [];
    const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void taken.push(done) });
    const exporter = new ConsoleExporter({ stream });
    const first = exporter.export(batch(span(1, 0, 5)));
    taken.shift()!();
    expect(await first).toEqual({ outcome: "exported" });
    const second = exporter.export(batch(span(2, 0, 5)));
    await exporter.shutdown();
    expect(await second).toEqual({ outcome: "failed", message: "cannot print: the stream takes no more" });
    expect(stream.listenerCount("error")).toBeLessThanOrEqual(1);
  });

  it("prints what waits for a parent that never ends at shutdown, once", async () => {
    const { exporter, output } = setUp();
    await exporter.export(batch(span(5, 4, 20), span(4, 3, 30)));
    await exporter.shutdown();
    await exporter.shutdown();
    expect(output()).toBe("20:00:00.030 s4 30.0 ms\n             └ s5 20.0 ms\n");
  });

  it("keeps no more spans than it may", async () => {
    const { exporter, output } = setUp({ maxPendingSpans: 2 });
    await exporter.export(batch(span(5, 90, 1), span(6, 91, 1), span(7, 92, 1)));
    expect(output()).toBe("20:00:00.001 s5 1.0 ms\n");
  });

  it("prints a chain of 10,000 spans, each under the one before, without indenting beyond the screen", async () => {
    const { exporter, output } = setUp();
    await exporter.export(batch(...Array.from({ length: 10_000 }, (_, index) => span(index + 1, index, 1))));
    const lines = output().split("\n").slice(0, -1);
    expect(lines.map((line) => / (s\d+) 1\.0 ms$/.exec(line)?.[1])).toEqual(
      Array.from({ length: 10_000 }, (_, index) => `s${index + 1}`),
    );
    expect(lines[64]).toBe(`${" ".repeat(13 + 2 * 63)}└ s65 1.0 ms`);
    expect(lines[65]).toBe(`${" ".repeat(13 + 2 * 64)}… s66 1.0 ms`);
    expect(lines[9_999]).toBe(`${" ".repeat(13 + 2 * 64)}… s10000 1.0 ms`);
  });

  it("prints spans that are each other's parents at shutdown", async () => {
    const { exporter, output } = setUp();
    await exporter.export(batch(span(5, 6, 1), span(6, 5, 1)));
    await exporter.shutdown();
    expect(output().split("\n")).toHaveLength(3);
  });

  it("prints log records with their attributes but Spanloom's own", async () => {
    const { exporter, output } = setUp();
    const { logs } = sampleLogs("disk is full");
    Object.assign(logs!.resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!, {
      severityNumber: 13,
      attributes: [
        { key: "free", value: { value: { case: "intValue", value: 7n } } },
        { key: "spanloom.job.id", value: { value: { case: "stringValue", value: "x" } } },
      ],
    });
    await exporter.export({ logs });
    expect(output()).toBe("20:00:00.000 WARN  disk is full free=7\n");
  });

  it("prints one JSON object a line with nanoseconds and typed attributes", async () => {
    const { exporter, output } = setUp({ format: "json" });
    await exporter.export(batch(span(3, 2, 1, { type: "attempt", attempt: 2, kind: 5 })));
    expect(JSON.parse(output())).toMatchObject({
      span_id: "0000000000000003",
      parent_span_id: "0000000000000002",
      name: "s3",
      kind: "CONSUMER",
      start_time: "2026-11-20T20:00:00.000000003Z",
      duration_ns: 1_000_000,
      status: "UNSET",
      attributes: { "spanloom.span.type": "attempt", "spanloom.task.attempt": 2 },
    });
  });
});

describe("exporterFromEnv", () => {
  const spans = batch(span(3, 2, 1, { type: "attempt", status: { code: 2 } }));
  const print = async (env: Record<string, string>, options: ConsoleOptions = {}) => {
    let text = "";
    const exporter = exporterFromEnv(env, { stream: { isTTY: true, write: (piece) => (text += piece) }, ...options });
    await exporter.export(spans);
    await exporter.shutdown();
    return text;
  };

  it("colours on a terminal unless NO_COLOR is set", async () => {
    expect(await print({})).toContain("\u001b[31m");
    expect(await print({ NO_COLOR: "1" })).not.toContain("\u001b");
    expect(await print({ NO_COLOR: "1" }, { color: true })).toContain("\u001b[31m");
  });

  it("prints in the format of the environment, which options beat", async () => {
    const env = { SPANLOOM_CONSOLE_FORMAT: "json" };
    expect(JSON.parse(await print(env))).toMatchObject({ name: "s3" });
    expect(await print(env, { format: "tree", color: false })).toContain("s3 ✗");
    expect(() => exporterFromEnv({ SPANLOOM_CONSOLE_FORMAT: "xml" })).toThrow(
      'SPANLOOM_CONSOLE_FORMAT "xml" is not one of tree, json',
    );
  });

  it("can be registered for the whole process", async () => {
    const end = configureConsole({ format: "json" });
    expect(registeredExporters().map(({ name }) => name)).toEqual(["console"]);
    end();
    expect(registeredExporters()).toEqual([]);
  });
});

testReadme("exporter-console", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: consoleVariables,
  env: { NO_COLOR: "1" },
  async backend() {
    let text = "";
    return {
      options: { stream: { isTTY: true, write: (piece: string) => (text += piece) } },
      spanNames: () => (/ a ✗ 250 ms {2}no\n$|^\{"trace_id":.*"name":"a".*\}\n$/.test(text) ? ["a"] : []),
      problems: () => (text.includes("\u001b") ? ["it has colours"] : []),
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
});
