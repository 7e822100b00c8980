import { clone, create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace-base";
import { attemptSpanId, bytesToHex, hexToBytes, IdGenerator, spanIdOf, traceIdOfJob } from "@spanloom/protocol";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type KeyValue,
  type Span,
  type SpanSchema,
} from "@spanloom/protocol/otlp";
import { describe, expect, it } from "vitest";
import type { TelemetryBatch } from "../exporter.ts";
import { OtlpExporter } from "../otlp/otlp-exporter.ts";
import { shapeOptionsFromEnv } from "./shape-env.ts";
import { type ShapeOptions, workflowAliases } from "./shape-options.ts";
import { shapeTelemetry } from "./shape-telemetry.ts";

type SpanInit = Exclude<MessageInitShape<typeof SpanSchema>, { $typeName: string }>;

const text = (key: string, value: string) => ({ key, value: { value: { case: "stringValue" as const, value } } });
const int = (key: string, value: number) => ({
  key,
  value: { value: { case: "intValue" as const, value: BigInt(value) } },
});

function batchOf(...spans: SpanInit[]): TelemetryBatch {
  const resource = { attributes: [text("service.name", "shop"), text("zone", "a")] };
  return {
    traces: create(ExportTraceServiceRequestSchema, { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  };
}

function spansOf({ traces }: TelemetryBatch): Span[] {
  return traces!.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

function texts(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value?.value.value]));
}

/** Shapes a batch and makes sure that it stayed as it was. */
function shape(options: ShapeOptions, batch: TelemetryBatch): TelemetryBatch {
  const before = batch.traces && clone(ExportTraceServiceRequestSchema, batch.traces);
  const shaped = shapeTelemetry(options)(batch);
  expect(batch.traces).toEqual(before);
  return shaped;
}

describe("lifecycle spans", () => {
  const ids = new IdGenerator(() => 1_795_204_800_000);
  const [jobId, fetchId, buildId, childId] = [ids.next(), ids.next(), ids.next(), ids.next()] as const;
  const traceId = hexToBytes(traceIdOfJob(jobId));

  function task(id: string, parentSpanId: string, links: string[] = []): SpanInit {
    return {
      traceId,
      name: "task",
      spanId: hexToBytes(spanIdOf(id)),
      parentSpanId: hexToBytes(parentSpanId),
      attributes: [text("spanloom.span.type", "task"), text("spanloom.job.id", jobId)],
      links: links.map((to) => ({
        traceId,
        spanId: hexToBytes(spanIdOf(to)),
        attributes: [text("spanloom.link.type", "dependency")],
      })),
    };
  }

  function attempt(taskId: string, number: number): SpanInit {
    return {
      traceId,
      name: `attempt ${number}`,
      spanId: hexToBytes(attemptSpanId(taskId, number)),
      parentSpanId: hexToBytes(spanIdOf(taskId)),
      attributes: [
        text("spanloom.span.type", "attempt"),
        text("spanloom.job.id", jobId),
        int("spanloom.task.attempt", number),
      ],
      ...(number > 1 && {
        links: [
          {
            traceId,
            spanId: hexToBytes(attemptSpanId(taskId, number - 1)),
            attributes: [text("spanloom.link.type", "retry")],
          },
        ],
      }),
    };
  }

  const parents = (batch: TelemetryBatch) => spansOf(batch).map(({ parentSpanId }) => bytesToHex(parentSpanId));
  const links = (batch: TelemetryBatch) =>
    spansOf(batch).map((span) => span.links.map(({ spanId }) => bytesToHex(spanId)));

  const jobSpan = {
    traceId,
    name: "job",
    spanId: hexToBytes(spanIdOf(jobId)),
    attributes: [text("spanloom.span.type", "job")],
  };
  const user = {
    traceId,
    name: "user",
    spanId: hexToBytes("00000000000000aa"),
    parentSpanId: hexToBytes(attemptSpanId(fetchId, 2)),
  };

  it("leaves out the spans of tasks, and attempts hang below what stands above", () => {
    const shaped = shape(
      { lifecycle: "attempts" },
      batchOf(
        user,
        attempt(fetchId, 1),
        attempt(fetchId, 2),
        attempt(childId, 1),
        task(childId, attemptSpanId(fetchId, 2)),
        task(fetchId, spanIdOf(jobId)),
        jobSpan,
      ),
    );
    expect(spansOf(shaped).map(({ name }) => name)).toEqual(["user", "attempt 1", "attempt 2", "attempt 1", "job"]);
    expect(parents(shaped)).toEqual([
      attemptSpanId(fetchId, 2),
      spanIdOf(jobId),
      spanIdOf(jobId),
      attemptSpanId(fetchId, 2),
      "",
    ]);
  });

  it("moves the links of tasks to first attempts, where they lead to last ones, and keeps the others", () => {
    const shaped = shape(
      { lifecycle: "attempts" },
      batchOf(
        attempt(fetchId, 1),
        attempt(fetchId, 2),
        task(fetchId, spanIdOf(jobId)),
        attempt(buildId, 1),
        attempt(buildId, 2),
        task(buildId, spanIdOf(jobId), [fetchId]),
      ),
    );
    expect(links(shaped)).toEqual([
      [],
      [attemptSpanId(fetchId, 1)],
      [attemptSpanId(fetchId, 2)],
      [attemptSpanId(buildId, 1)],
    ]);
  });

  it("asks who knows about tasks of other batches, and hangs an attempt below its job when nobody does", () => {
    const batch = batchOf(attempt(childId, 1), task(buildId, spanIdOf(jobId), [fetchId]), attempt(buildId, 1));
    const alone = shape({ lifecycle: "attempts" }, batch);
    expect(parents(alone)).toEqual([spanIdOf(jobId), spanIdOf(jobId)]);
    expect(links(alone)).toEqual([[], [attemptSpanId(fetchId, 1)]]);
    const known = shape(
      {
        lifecycle: "attempts",
        tasks: (spanId) =>
          spanId === spanIdOf(childId)
            ? { parentSpanId: attemptSpanId(fetchId, 2), lastAttempt: 1, links: [] }
            : spanId === spanIdOf(fetchId)
              ? { parentSpanId: spanIdOf(jobId), lastAttempt: 3, links: [] }
              : undefined,
      },
      batch,
    );
    expect(parents(known)).toEqual([attemptSpanId(fetchId, 2), spanIdOf(jobId)]);
    expect(links(known)).toEqual([[], [attemptSpanId(fetchId, 3)]]);
  });

  it("says that it asks for tasks, and only then", () => {
    const translate = shapeTelemetry({});
    const exporters = [{ lifecycle: "attempts" }, { lifecycle: "full" }, {}].map(
      (options) => new OtlpExporter({ shape: options as ShapeOptions }, { backend: { translate } }),
    );
    expect(exporters.map((exporter) => exporter.shape?.asksForTasks)).toEqual([true, false, false]);
  });

  it("gives spans as they are when they are to be full", () => {
    const batch = batchOf(jobSpan, task(fetchId, spanIdOf(jobId)), attempt(fetchId, 1));
    expect(shape({ lifecycle: "full" }, batch)).toEqual(batch);
  });
});

describe("attributes", () => {
  const parts = {
    events: [{ name: "e", attributes: [text("db.statement", "s"), text("exception.type", "E")] }],
    links: [{ attributes: [text("db.statement", "s")] }],
  };
  const span = {
    attributes: [
      text("spanloom.job.id", "j"),
      text("db.statement", "secret"),
      text("db.system", "pg"),
      text("a+b", "x"),
    ],
    ...parts,
  };

  it("keeps those asked for and leaves out others, of spans, events, links and log records", () => {
    const batch = {
      ...batchOf(span),
      logs: create(ExportLogsServiceRequestSchema, {
        resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes: [text("db.user", "u"), text("x", "y")] }] }] }],
      }),
    };
    const shaped = shape({ includeAttributes: ["db.*", "a+b"], excludeAttributes: ["*.statement"] }, batch);
    const [out] = spansOf(shaped);
    expect(texts(out!.attributes)).toEqual({ "db.system": "pg", "a+b": "x" });
    expect(texts(out!.events[0]!.attributes)).toEqual({});
    expect(texts(out!.links[0]!.attributes)).toEqual({});
    expect(texts(shaped.logs!.resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!.attributes)).toEqual({ "db.user": "u" });
    const excluded = spansOf(shape({ excludeAttributes: ["db.*"] }, batch))[0]!;
    expect(texts(excluded.attributes)).toEqual({ "spanloom.job.id": "j", "a+b": "x" });
    expect(texts(excluded.events[0]!.attributes)).toEqual({ "exception.type": "E" });
  });

  it("adds aliases, also of what it leaves out", () => {
    const shaped = shape({ aliases: workflowAliases, excludeAttributes: ["spanloom.*"] }, batchOf(span));
    expect(texts(spansOf(shaped)[0]!.attributes)).toMatchObject({ "workflow.id": "j", "db.system": "pg" });
    expect(texts(spansOf(shaped)[0]!.attributes)).not.toHaveProperty("spanloom.job.id");
  });

  it("adds aliases beside what they stand for, to a copy", () => {
    const shaped = shape({ aliases: { "db.system": "system", unknown: "x" } }, batchOf(span));
    expect(spansOf(shaped)[0]!.attributes.map(({ key }) => key)).toEqual([
      "spanloom.job.id",
      "db.statement",
      "db.system",
      "a+b",
      "system",
    ]);
  });

  it("adds tags to every span and attributes to every resource, over their own", () => {
    const { traces } = shape(
      { tags: { team: "core", "a+b": "z" }, resourceAttributes: { zone: "b", env: "prod" } },
      batchOf(span),
    );
    const [group] = traces!.resourceSpans;
    expect(texts(group!.resource!.attributes)).toEqual({ "service.name": "shop", zone: "b", env: "prod" });
    expect(texts(group!.scopeSpans[0]!.spans[0]!.attributes)).toMatchObject({ team: "core", "a+b": "z" });
    const again = shapeTelemetry({ resourceAttributes: { zone: "b" } });
    const batch = batchOf(span);
    expect(again(batch).traces!.resourceSpans[0]!.resource).toBe(again(batch).traces!.resourceSpans[0]!.resource);
  });

  it("makes messages that encode as any other", () => {
    const shaped = shape({ tags: { a: "b" }, lifecycle: "attempts", excludeAttributes: ["db.*"] }, batchOf(span));
    expect(JSON.stringify(toJson(ExportTraceServiceRequestSchema, shaped.traces!))).toContain('"key":"a"');
  });
});

describe("sampling", () => {
  const ids = new IdGenerator();
  const traces = Array.from({ length: 2_000 }, (_, index) =>
    index % 2 ? traceIdOfJob(ids.next()) : bytesToHex(crypto.getRandomValues(new Uint8Array(16))),
  );
  const kept = (options: ShapeOptions, ...spans: SpanInit[]) =>
    spansOf(shape(options, batchOf(...spans))).map(({ traceId }) => bytesToHex(traceId));

  it.each([0, 0.001, 0.25, 0.9, 1])(
    "takes the traces for a ratio of %d that OpenTelemetry's sampler takes",
    (ratio) => {
      const sampler = new TraceIdRatioBasedSampler(ratio);
      const expected = traces.filter((traceId) => sampler.shouldSample(undefined as never, traceId).decision !== 0);
      expect(kept({ sampling: ratio }, ...traces.map((traceId) => ({ traceId: hexToBytes(traceId) })))).toEqual(
        expected,
      );
    },
  );

  it("takes those that whoever submitted the job samples, and leaves no empty groups", () => {
    const [one, two] = [hexToBytes(traces[0]!), hexToBytes(traces[1]!)];
    expect(kept({ sampling: "parent" }, { traceId: one, flags: 0x101 }, { traceId: two, flags: 0x100 })).toEqual([
      traces[0],
    ]);
    expect(shape({ sampling: "parent" }, batchOf({ traceId: two, flags: 0 })).traces!.resourceSpans).toEqual([]);
    expect(kept({ sampling: "always" }, { traceId: two, flags: 0 })).toEqual([traces[1]]);
  });

  it("keeps log records that belong to no trace", () => {
    const logRecords = [{ severityText: "outside" }, { traceId: hexToBytes(traces[0]!), severityText: "inside" }];
    const logs = create(ExportLogsServiceRequestSchema, { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
    const shaped = shapeTelemetry({ sampling: "parent" })({ logs }).logs!;
    expect(shaped.resourceLogs[0]!.scopeLogs[0]!.logRecords.map(({ severityText }) => severityText)).toEqual([
      "outside",
    ]);
  });

  it("refuses a ratio that is none", () => {
    expect(() => shapeTelemetry({ sampling: 1.5 })).toThrow('sampling "1.5" is not a number from 0 to 1');
    expect(() => shapeTelemetry({ sampling: Number.NaN })).toThrow('sampling "NaN" is not a number from 0 to 1');
  });
});

describe("shapeOptionsFromEnv", () => {
  it("reads every option", () => {
    expect(
      shapeOptionsFromEnv({
        SPANLOOM_EXPORTER_LIFECYCLE: "attempts",
        SPANLOOM_EXPORTER_ALIASES: "spanloom.job.id=flow.id, spanloom.queue=flow.queue",
        SPANLOOM_EXPORTER_INCLUDE_ATTRIBUTES: "spanloom.*, http.*",
        SPANLOOM_EXPORTER_EXCLUDE_ATTRIBUTES: "http.url",
        SPANLOOM_EXPORTER_RESOURCE_ATTRIBUTES: "deployment.environment.name=prod",
        SPANLOOM_EXPORTER_TAGS: "team=core,query=a=b",
        SPANLOOM_EXPORTER_SAMPLING: "0.25",
      }),
    ).toEqual({
      lifecycle: "attempts",
      aliases: { "spanloom.job.id": "flow.id", "spanloom.queue": "flow.queue" },
      includeAttributes: ["spanloom.*", "http.*"],
      excludeAttributes: ["http.url"],
      resourceAttributes: { "deployment.environment.name": "prod" },
      tags: { team: "core", query: "a=b" },
      sampling: 0.25,
    });
    expect(shapeOptionsFromEnv({ SPANLOOM_EXPORTER_ALIASES: "workflow" })).toEqual({ aliases: workflowAliases });
    expect(shapeOptionsFromEnv({ SPANLOOM_EXPORTER_TAGS: " " })).toBeUndefined();
  });

  it.each([
    ["LIFECYCLE", "some", '"some" is not one of full, attempts'],
    ["SAMPLING", "-1", '"-1" is not always, parent, or a number from 0 to 1'],
    ["TAGS", "team", '"team" is not a list of key=value pairs'],
  ])("names %s when it is %s", (name, value, problem) => {
    const variable = `SPANLOOM_EXPORTER_${name}`;
    expect(() => shapeOptionsFromEnv({ [variable]: value })).toThrow(`cannot export: ${variable} ${problem}`);
  });
});
