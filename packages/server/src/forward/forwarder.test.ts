import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Exporter, type ExportResult, exported, shapeTelemetry, type TelemetryBatch } from "@spanloom/exporter";
import { attemptSpanId, bytesToHex, JobState, spanIdOf, TaskState } from "@spanloom/protocol";
import {
  ExportTraceServiceRequestSchema,
  type LogRecord,
  ResourceSchema,
  type Span,
  SpanSchema,
} from "@spanloom/protocol/otlp";
import { tempDir, waitFor } from "@spanloom/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../clock.ts";
import { ChdbSpanStore } from "../telemetry/columnar/chdb/index.ts";
import { idBytes, logPayload, logRecord, span, tracePayload } from "../telemetry/ingest/otlp-fixture.ts";
import { attributes, seed, spanContent } from "../telemetry/ingest/testing/otlp-arbitraries.ts";
import {
  attemptRecord,
  fixtureId,
  jobRecord,
  LifecycleFixture,
  startUs,
  taskRecord,
} from "../telemetry/lifecycle/lifecycle-fixture.ts";
import { createTelemetry } from "../telemetry/telemetry-plane.ts";
import { CursorFiles } from "./cursor-file.ts";
import { Forwarder, type ForwarderOptions } from "./forwarder.ts";

/** Time that passes as fast as it is waited for. */
class RushingClock implements Clock {
  passedMs = 0;
  nowUs = () => systemClock.nowUs() + this.passedMs * 1000;
  schedule(callback: () => void, delayMs: number): () => void {
    const timer = setTimeout(() => {
      this.passedMs += delayMs;
      callback();
    }, 1);
    return () => clearTimeout(timer);
  }
}

/** Time that rushes, but not by a minute at once: no call takes too long. */
class PatientClock extends RushingClock {
  override schedule(callback: () => void, delayMs: number): () => void {
    return delayMs < 60_000 ? super.schedule(callback, delayMs) : () => undefined;
  }
}

/** An exporter that keeps what it is given, and answers as a test says. */
class RecordingExporter implements Exporter {
  readonly name = "recording";
  readonly spans: Span[] = [];
  readonly resources: string[] = [];
  readonly logs: LogRecord[] = [];
  calls = 0;
  answer: () => ExportResult | Promise<ExportResult> = () => exported;
  async export(batch: TelemetryBatch): Promise<ExportResult> {
    this.calls++;
    const result = await this.answer();
    if (result.outcome !== "exported") return result;
    for (const { resource, scopeSpans } of batch.traces?.resourceSpans ?? []) {
      this.resources.push(bytesToHex(toBinary(ResourceSchema, resource!)));
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
    for (const { scopeLogs } of batch.logs?.resourceLogs ?? [])
      for (const { logRecords } of scopeLogs) this.logs.push(...logRecords);
    return result;
  }
  shutdown = async () => undefined;
  get names(): string[] {
    return this.spans.map(({ name }) => name);
  }
}

/** A telemetry plane over chDB, and forwarders that read it. */
class Bed implements AsyncDisposable {
  readonly #dir = tempDir();
  readonly store = new LifecycleFixture();
  readonly clock = new RushingClock();
  readonly logged: string[] = [];
  readonly #stack = new AsyncDisposableStack();
  readonly telemetry = createTelemetry({
    dataDir: this.#dir.path,
    store: this.store,
    spanStore: new ChdbSpanStore({ dataDir: join(this.#dir.path, "telemetry"), retentionDays: 10_000 }),
    clock: systemClock,
    log: () => undefined,
  });

  async start(): Promise<this> {
    await this.telemetry.start();
    return this;
  }

  forward(exporter: Exporter, rest: Partial<ForwarderOptions> = {}): Forwarder {
    const forwarder = new Forwarder({
      name: "one",
      exporter,
      from: "beginning",
      arrivals: this.telemetry.arrivals,
      cursors: new CursorFiles(join(this.#dir.path, "forward")),
      clock: this.clock,
      random: () => 0.5,
      log: (line) => this.logged.push(line),
      ...rest,
    });
    this.#stack.defer(() => forwarder.stop());
    forwarder.start();
    return forwarder;
  }

  send = (...numbers: number[]) =>
    this.telemetry.ingest([{ signal: "traces", bytes: tracePayload(numbers.map((n) => span(n))) }]);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.telemetry.stop();
    this.#dir[Symbol.dispose]();
  }
}

const sortedSpans = (spans: readonly Span[]) => spans.map((each) => bytesToHex(toBinary(SpanSchema, each))).sort();
const named = (...numbers: number[]) => numbers.map((n) => `span ${n}`);

describe("a forwarder", () => {
  it("gives on every span as it was sent, with its resource", async () => {
    await using bed = await new Bed().start();
    const soundSpan = fc.record({ ...spanContent, lastedNs: fc.bigInt({ min: 0n, max: 10n ** 10n }) });
    let traces = 0;
    const exporter = new RecordingExporter();
    bed.forward(exporter);
    const sends = fc.asyncProperty(fc.array(soundSpan, { minLength: 1, maxLength: 4 }), attributes, async (all, of) => {
      const sent = all.map(({ lastedNs, ...rest }, i) => {
        const startTimeUnixNano = 1_767_225_600_000_000_000n + BigInt(i);
        const ids = { traceId: idBytes(16, traces + 1), spanId: idBytes(8, i + 1), parentSpanId: new Uint8Array() };
        return create(SpanSchema, {
          ...rest,
          ...ids,
          kind: 2,
          startTimeUnixNano,
          endTimeUnixNano: startTimeUnixNano + lastedNs,
          status: { code: 1, message: "" },
        } as never);
      });
      traces++;
      [exporter.spans.length, exporter.resources.length] = [0, 0];
      const request = create(ExportTraceServiceRequestSchema, {
        resourceSpans: [{ resource: { attributes: of, droppedAttributesCount: 3 }, scopeSpans: [{ spans: sent }] }],
      });
      const bytes = toBinary(ExportTraceServiceRequestSchema, request);
      await bed.telemetry.ingest([{ signal: "traces", bytes }]);
      await waitFor(() => exporter.spans.length >= sent.length);
      expect(sortedSpans(exporter.spans)).toEqual(sortedSpans(sent));
      expect(exporter.resources).toEqual([bytesToHex(toBinary(ResourceSchema, request.resourceSpans[0]!.resource!))]);
    });
    await fc.assert(sends, { numRuns: 8, seed, endOnFailure: true });
  });

  it("gives on log records, those without a trace as well", async () => {
    await using bed = await new Bed().start();
    const exporter = new RecordingExporter();
    bed.forward(exporter);
    const records = [logRecord(1), logRecord(2, { traceId: idBytes(16, 9), spanId: idBytes(8, 9) })];
    await bed.telemetry.ingest([{ signal: "logs", bytes: logPayload(records) }]);
    await waitFor(() => exporter.logs.length >= 2);
    const told = exporter.logs.map(({ body, traceId }) => [body?.value.value, traceId.length]);
    expect(told.sort()).toEqual([
      ["line 1", 0],
      ["line 2", 16],
    ]);
  });

  it("gives a backend that was away for ten minutes everything, each span once, and tells it once", async () => {
    await using bed = await new Bed().start();
    const exporter = new RecordingExporter();
    exporter.answer = () => ({ outcome: "retry", message: "503" });
    const forwarder = bed.forward(exporter);
    await bed.send(1, 2);
    await waitFor(() => exporter.calls > 3);
    await bed.send(3, 4);
    const beganMs = bed.clock.passedMs;
    await waitFor(() => bed.clock.passedMs > beganMs + 600_000);
    exporter.answer = () => exported;
    await waitFor(() => exporter.spans.length >= 4);
    await waitFor(() => forwarder.stats().lagRecords === 0);
    expect(exporter.names.sort()).toEqual(named(1, 2, 3, 4));
    expect(bed.logged).toEqual(['exporter "one" waits, and will send all from here on: 503', 'exporter "one" goes on']);
    expect(forwarder.stats()).toMatchObject({ forwarded: 4, failed: 0, rejected: 0 });
  });

  it("goes on after its cursor, and begins at now when told to", async () => {
    await using bed = await new Bed().start();
    const first = new RecordingExporter();
    // Where time rushes, the stop does not wait for the cursor to be written.
    const forwarder = bed.forward(first, { clock: systemClock });
    await bed.send(1);
    await waitFor(() => first.spans.length >= 1);
    await forwarder.stop();
    await bed.send(2);
    const [second, late] = [new RecordingExporter(), new RecordingExporter()];
    bed.forward(second);
    const newcomer = bed.forward(late, { name: "other", from: "now" });
    await waitFor(() => newcomer.stats().isCurrent);
    await bed.send(3);
    await waitFor(() => second.spans.length >= 2 && late.spans.length >= 1);
    expect([first.names, second.names, late.names]).toEqual([named(1), named(2, 3), named(3)]);
  });

  it("does not send again what the store gets again as it was, but what has changed", async () => {
    await using bed = await new Bed().start();
    const exporter = new RecordingExporter();
    const forwarder = bed.forward(exporter);
    await bed.send(1, 2, 3);
    await waitFor(() => exporter.spans.length >= 3);
    await bed.send(1, 2, 3);
    const changed = tracePayload([span(3, { name: "span 3, again" })]);
    await bed.telemetry.ingest([{ signal: "traces", bytes: changed }]);
    await bed.send(4);
    await waitFor(() => exporter.names.includes("span 4") && exporter.names.includes("span 3, again"));
    expect(exporter.names.sort()).toEqual([...named(1, 2, 3), "span 3, again", "span 4"]);
    expect(forwarder.stats()).toMatchObject({ forwarded: 5, repeated: expect.any(Number) });
  });

  it("is not delayed by one that hangs or throws, and stops beside it (P4)", async () => {
    await using bed = await new Bed().start();
    const [hanging, throwing, sound] = [new RecordingExporter(), new RecordingExporter(), new RecordingExporter()];
    hanging.answer = () => new Promise<ExportResult>(() => undefined);
    throwing.answer = () => Promise.reject(new Error("defect"));
    const hung = bed.forward(hanging, { name: "hanging", clock: new PatientClock() });
    const thrown = bed.forward(throwing, { name: "throwing" });
    bed.forward(sound, { name: "sound" });
    await bed.send(1);
    await waitFor(() => hanging.calls === 1);
    await bed.send(2, 3);
    await waitFor(() => sound.spans.length >= 3 && thrown.stats().failed >= 3);
    expect(sound.names.sort()).toEqual(named(1, 2, 3));
    expect(hanging.calls).toBe(1);
    expect(hung.stats()).toMatchObject({ forwarded: 0, expired: 0 });
    expect(thrown.stats()).toMatchObject({ lastError: "defect", awaySinceUs: undefined });
    expect(bed.logged).toEqual(['exporter "throwing" lost 1 records: defect']);
  });

  it("gives up calls that never settle, tells it once, and sends their spans again", async () => {
    await using bed = await new Bed().start();
    const exporter = new RecordingExporter();
    exporter.answer = () => new Promise<ExportResult>(() => undefined);
    const beforeUs = bed.clock.nowUs();
    const forwarder = bed.forward(exporter);
    await bed.send(1, 2);
    await waitFor(() => exporter.calls > 3);
    const away = forwarder.stats();
    expect(away).toMatchObject({ forwarded: 0, lastError: "a call has not settled for 120 s" });
    expect(away.expired).toBeGreaterThanOrEqual(3);
    expect(away.awaySinceUs).toBeGreaterThanOrEqual(beforeUs + 120_000_000);
    exporter.answer = () => exported;
    await waitFor(() => exporter.spans.length >= 2);
    await waitFor(() => forwarder.stats().lagRecords === 0);
    expect(exporter.names.sort()).toEqual(named(1, 2));
    expect(forwarder.stats()).toMatchObject({ forwarded: 2, failed: 0, awaySinceUs: undefined });
    expect(bed.logged).toEqual([
      'exporter "one" waits, and will send all from here on: a call has not settled for 120 s',
      'exporter "one" goes on',
    ]);
  });

  it("sends what there is before it stops, but does not wait for a backend that is away", async () => {
    await using bed = await new Bed().start();
    const [sound, away] = [new RecordingExporter(), new RecordingExporter()];
    away.answer = () => ({ outcome: "retry", message: "503" });
    const clock = { nowUs: systemClock.nowUs, schedule: () => () => undefined };
    const forwarders = [bed.forward(sound, { name: "sound", clock }), bed.forward(away, { name: "away", clock })];
    await waitFor(() => forwarders.every((each) => each.stats().isCurrent));
    await bed.send(1, 2);
    await Promise.all(forwarders.map((each) => each.stop()));
    expect([sound.names.sort(), away.calls]).toEqual([named(1, 2), 1]);
  });

  it("gives on more than a page of one insert, each span once", async () => {
    await using bed = await new Bed().start();
    const exporter = new RecordingExporter();
    const numbers = Array.from({ length: 10_000 }, (_, i) => i + 1);
    await bed.send(...numbers);
    const forwarder = bed.forward(exporter);
    await waitFor(() => forwarder.stats().forwarded >= 10_000);
    expect(new Set(exporter.names).size).toBe(10_000);
    expect(exporter.spans).toHaveLength(10_000);
  });

  it("hangs attempts where their tasks hung, and leads links on, though the tasks end later", async () => {
    await using bed = await new Bed().start();
    const { store, telemetry } = bed;
    const [jobId, first, second, child] = [fixtureId(1), fixtureId(2), fixtureId(3), fixtureId(4)];
    const exporter = Object.assign(new RecordingExporter(), { shape: shapeTelemetry({ lifecycle: "attempts" }) });
    bed.forward(exporter);
    const open = { state: TaskState.RUNNING, endedAtUs: undefined };
    const twice = [attemptRecord(1), attemptRecord(2)];
    store.put(
      jobRecord(jobId, { state: JobState.RUNNING, endedAtUs: undefined } as never),
      taskRecord(first, jobId, { ...open, attempts: twice } as never),
      taskRecord(second, jobId, { ...open, dependsOn: [first], dependencyCount: 1 } as never),
      taskRecord(child, jobId, { ...open, parentId: second, parentAttempt: 1 } as never),
    );
    // One after the other, so that none is in a batch with another; what the child's parent depends on has ended twice.
    for (const [id, spans] of [
      [first, 2],
      [second, 3],
      [child, 4],
    ] as const) {
      telemetry.lifecycleChanged(new Set([jobId]), new Set([id]));
      await waitFor(() => exporter.spans.length >= spans);
    }
    const told = exporter.spans.map(({ spanId, parentSpanId, links }) =>
      [spanId, parentSpanId, ...links.map((link) => link.spanId)].map(bytesToHex),
    );
    const job = spanIdOf(jobId);
    expect(told.slice(0, 2).sort()).toEqual(
      [
        [attemptSpanId(first, 1), job],
        [attemptSpanId(first, 2), job, attemptSpanId(first, 1)],
      ].sort(),
    );
    expect(told.slice(2)).toEqual([
      [attemptSpanId(second, 1), job, attemptSpanId(first, 2)],
      [attemptSpanId(child, 1), attemptSpanId(second, 1)],
    ]);
  });

  it("sends a span of the record again only when it changed", async () => {
    await using bed = await new Bed().start();
    const { store, telemetry } = bed;
    const [jobId, taskId] = [fixtureId(1), fixtureId(2)];
    const exporter = new RecordingExporter();
    bed.forward(exporter);
    const failed = attemptRecord(1, { endedAtUs: startUs + 9_000 });
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts: [failed] }));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    await waitFor(() => exporter.spans.length >= 3);
    const second = attemptRecord(2, { endedAtUs: startUs + 19_000 });
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts: [failed, second] }));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
    await waitFor(() => exporter.spans.length >= 5);
    // All was written anew: the task has changed, and has a second attempt.
    expect(exporter.names.sort()).toEqual(["job audit", "task walk", "task walk", "walk", "walk"]);
    expect(new Set(exporter.spans.map(({ spanId }) => bytesToHex(spanId))).size).toBe(4);
  });
});
