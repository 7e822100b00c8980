import { context, createContextKey, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { describe, expect, it } from "vitest";
import { ExportQueue, type ExportQueueOptions } from "./export-queue.ts";
import { type ExportResult, exported } from "./export-result.ts";
import type { Exporter, TelemetryBatch } from "./exporter.ts";
import { shapeTelemetry } from "./shape/shape-telemetry.ts";
import { FakeQueueClock } from "./testing/fake-queue-clock.ts";
import { logBatch, spanBatch, spanNames } from "./testing/sample-batches.ts";

/** An exporter that keeps what it is given and answers as told. */
class FakeExporter implements Exporter {
  readonly name = "fake";
  readonly batches: TelemetryBatch[] = [];
  readonly answers: (() => Promise<ExportResult>)[] = [];
  underWay = 0;
  mostUnderWay = 0;
  shutdowns = 0;

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    this.batches.push(batch);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    try {
      return await (this.answers.shift()?.() ?? Promise.resolve(exported));
    } finally {
      this.underWay--;
    }
  }

  async shutdown(): Promise<void> {
    this.shutdowns++;
  }
}

interface Setup {
  queue: ExportQueue;
  exporter: FakeExporter;
  clock: FakeQueueClock;
  lines: string[];
}

function setUp(options: ExportQueueOptions = {}): Setup {
  const exporter = new FakeExporter();
  const clock = new FakeQueueClock();
  const lines: string[] = [];
  const queue = new ExportQueue(exporter, { clock, log: (line) => lines.push(line), ...options });
  return { queue, exporter, clock, lines };
}

const retry = (retryAfterMs?: number) => async (): Promise<ExportResult> => ({
  outcome: "retry",
  message: "503",
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

describe("batching", () => {
  it("sends a batch once it is full", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 3 });
    queue.enqueue(spanBatch("a"));
    queue.enqueue(spanBatch("b"));
    await clock.settle();
    expect(exporter.batches).toEqual([]);
    queue.enqueue(spanBatch("c"));
    await clock.settle();
    expect(exporter.batches.map(spanNames)).toEqual([["a", "b", "c"]]);
    expect(queue.stats()).toMatchObject({ exported: 3, queuedSpans: 0, queuedBytes: 0 });
  });

  it("sends what is old enough although it is not full", async () => {
    const { queue, exporter, clock } = setUp({ maxAgeMs: 100 });
    queue.enqueue(spanBatch("a"));
    await clock.advance(60);
    queue.enqueue(spanBatch("b"));
    await clock.advance(39);
    expect(exporter.batches).toEqual([]);
    await clock.advance(1);
    expect(exporter.batches.map(spanNames)).toEqual([["a", "b"]]);
  });

  it("sends a batch once its bytes are many", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchBytes: 2_000 });
    queue.enqueue(spanBatch("x".repeat(1_500)));
    await clock.settle();
    expect(exporter.batches).toHaveLength(0);
    queue.enqueue(spanBatch("y".repeat(1_500)));
    await clock.settle();
    expect(exporter.batches).toHaveLength(1);
  });

  it("cuts what is larger than a batch, and keeps the order (I3)", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 4 });
    const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
    queue.enqueue(spanBatch(...names));
    await clock.advance(1_000);
    expect(exporter.batches.map(spanNames)).toEqual([names.slice(0, 4), names.slice(4, 8), names.slice(8)]);
  });

  it("has at most one batch under way (I3)", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1 });
    const held = Promise.withResolvers<ExportResult>();
    exporter.answers.push(() => held.promise);
    queue.enqueue(spanBatch("a", "b", "c"));
    await clock.settle();
    expect(exporter.batches).toHaveLength(1);
    held.resolve(exported);
    await clock.settle();
    expect(exporter.batches).toHaveLength(3);
    expect(exporter.mostUnderWay).toBe(1);
  });
});

describe("shaping", () => {
  it("queues what the exporter's shape makes of a batch, and does not count what that leaves out", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1 });
    const shape = shapeTelemetry({ sampling: 0 });
    Object.assign(exporter, {
      shape: (batch: TelemetryBatch) => (spanNames(batch)[0] === "out" ? shape(batch) : batch),
    });
    queue.enqueue(spanBatch("out"));
    queue.enqueue(spanBatch("in"));
    await clock.settle();
    expect(exporter.batches.map(spanNames)).toEqual([["in"]]);
    expect(queue.stats()).toMatchObject({ exported: 1, dropped: 0, failed: 0, queuedSpans: 0 });
  });
});

describe("retrying", () => {
  it("sends the same batch again after a transient answer, with full jitter (I5)", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1, retry: { initialDelayMs: 100, factor: 2 } });
    clock.randoms.push(0.5, 0.5);
    exporter.answers.push(retry(), retry());
    queue.enqueue(spanBatch("a"));
    await clock.advance(49);
    expect(exporter.batches).toHaveLength(1);
    await clock.advance(1);
    expect(exporter.batches).toHaveLength(2);
    await clock.advance(99);
    expect(exporter.batches).toHaveLength(2);
    await clock.advance(1);
    expect(exporter.batches).toHaveLength(3);
    expect(exporter.batches[2]).toBe(exporter.batches[0]);
    expect(queue.stats()).toMatchObject({ exported: 1, retried: 2, failed: 0 });
  });

  it("waits as long as the backend asks for (I5)", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1 });
    clock.randoms.push(0);
    exporter.answers.push(retry(7_000));
    queue.enqueue(spanBatch("a"));
    await clock.advance(6_999);
    expect(exporter.batches).toHaveLength(1);
    await clock.advance(1);
    expect(exporter.batches).toHaveLength(2);
  });

  it("gives a batch up that was tried for too long, counts it, and goes on with the next", async () => {
    const { queue, exporter, clock, lines } = setUp({
      maxBatchRecords: 1,
      retry: { initialDelayMs: 1, maxElapsedMs: 1_000 },
    });
    exporter.answers.push(retry(400), retry(400), retry(400));
    queue.enqueue(spanBatch("a", "b"));
    await clock.advance(800);
    expect(exporter.batches.map(spanNames)).toEqual([["a"], ["a"], ["a"], ["b"]]);
    expect(queue.stats()).toMatchObject({ exported: 1, failed: 1, retried: 2 });
    expect(lines).toContain('exporter "fake" lost 1 records: 503');
  });

  it("does not send again what the backend refused for good", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 2 });
    exporter.answers.push(async () => ({ outcome: "failed", message: "400" }));
    queue.enqueue(spanBatch("a", "b"));
    await clock.advance(60_000);
    expect(exporter.batches).toHaveLength(1);
    expect(queue.stats()).toMatchObject({ exported: 0, failed: 2, retried: 0 });
  });

  it("counts records refused in a batch that was taken", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 3 });
    exporter.answers.push(async () => ({ outcome: "exported", rejected: { spans: 1, logRecords: 0, message: "old" } }));
    queue.enqueue(spanBatch("a", "b", "c"));
    await clock.settle();
    expect(queue.stats()).toMatchObject({ exported: 2, rejected: 1, failed: 0 });
  });

  it("tells of an outage once, and again after it recovered", async () => {
    const { queue, exporter, clock, lines } = setUp({ maxBatchRecords: 1 });
    exporter.answers.push(retry(1), retry(1), async () => exported, retry(1));
    queue.enqueue(spanBatch("a", "b"));
    await clock.advance(5_000);
    await clock.advance(5_000);
    expect(lines).toEqual(['exporter "fake" will try again: 503', 'exporter "fake" will try again: 503']);
  });
});

describe("the work", () => {
  it("is not delayed by a backend that never answers: what does not fit is dropped and counted (P4, I1, I4)", async () => {
    const { queue, exporter, clock, lines } = setUp({ maxQueuedRecords: 5, maxBatchRecords: 2 });
    exporter.answers.push(() => new Promise(() => undefined));
    for (let index = 0; index < 9; index++) queue.enqueue(spanBatch(`s${index}`));
    await clock.settle();
    expect(exporter.batches.map(spanNames)).toEqual([["s0", "s1"]]);
    expect(queue.stats()).toMatchObject({ dropped: 4, queuedSpans: 5 });
    expect(lines).toEqual(['exporter "fake" drops telemetry: its queue is full']);
  });

  it("is bounded by bytes too (I4)", async () => {
    const { queue } = setUp({ maxQueuedBytes: 3_000 });
    for (let index = 0; index < 5; index++) queue.enqueue(spanBatch("x".repeat(900)));
    const { queuedSpans, dropped, queuedBytes } = queue.stats();
    expect({ queuedSpans, dropped }).toEqual({ queuedSpans: 3, dropped: 2 });
    expect(queuedBytes).toBeLessThanOrEqual(3_000);
  });

  it("is told of a record larger than the queue by its own name, and what fits goes on (I4)", () => {
    const { queue, lines } = setUp({ maxQueuedBytes: 3_000 });
    queue.enqueue(spanBatch("x".repeat(4_000)));
    queue.enqueue(spanBatch("a"));
    expect(queue.stats()).toMatchObject({ dropped: 1, droppedBy: { too_large: 1, queue_full: 0 }, queuedSpans: 1 });
    expect(lines).toEqual([
      expect.stringMatching(/drops telemetry: a record of 40\d\d bytes is larger than its queue/),
    ]);
  });

  it("loses what its exporter's shape fails on, counted (I1, I2)", () => {
    const { queue, exporter, lines } = setUp();
    Object.assign(exporter, {
      shape: () => {
        throw new Error("no such task");
      },
    });
    queue.enqueue({ ...spanBatch("a", "b"), ...logBatch("l") });
    expect(queue.stats()).toMatchObject({ dropped: 3, droppedBy: { malformed: 3 } });
    expect(lines).toEqual(['exporter "fake" drops telemetry: it cannot be read: no such task']);
  });

  it("may end 100,000 spans at once: they leave in order, in batches, and no memory is kept", async () => {
    const { queue, exporter } = setUp();
    const names = Array.from({ length: 100_000 }, (_, index) => `s${index}`);
    queue.enqueue(spanBatch(...names));
    queue.enqueue(spanBatch("one too many"));
    expect(queue.stats()).toMatchObject({ dropped: 1, droppedBy: { queue_full: 1 }, queuedSpans: 100_000 });
    expect(await queue.flush(60_000)).toBe(true);
    expect(exporter.batches).toHaveLength(Math.ceil(100_000 / 2_048));
    expect(exporter.batches.flatMap(spanNames)).toEqual(names);
    expect(queue.stats()).toMatchObject({ exported: 100_000, queuedSpans: 0, queuedBytes: 0 });
  });

  it("never sees an error, whatever exporter, logger or batch do (P4, I1)", async () => {
    const { queue, exporter, clock } = setUp({
      maxBatchRecords: 1,
      log: () => {
        throw new Error("no log");
      },
    });
    exporter.answers.push(
      () => Promise.reject(new Error("rejects")),
      () => {
        throw new Error("throws");
      },
    );
    queue.enqueue({ traces: { resourceSpans: [{}] } } as never);
    queue.enqueue(spanBatch("a", "b", "c"));
    await clock.settle();
    expect(queue.stats()).toMatchObject({ exported: 1, failed: 2 });
  });

  it("is not the parent of what the exporter does, which is not traced", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1 });
    let suppressed = false;
    let parent: unknown = "unset";
    let below: unknown;
    exporter.answers.push(async () => {
      suppressed = isTracingSuppressed(context.active());
      parent = trace.getSpan(context.active());
      const key = createContextKey("mine");
      context.with(context.active().setValue(key, 1), () => {
        below = [context.active().getValue(key), isTracingSuppressed(context.active())];
        below = [...(below as unknown[]), context.active().deleteValue(key).getValue(key)];
      });
      return exported;
    });
    const { AsyncLocalStorageContextManager } = await import("@opentelemetry/context-async-hooks");
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    try {
      const span = trace.wrapSpanContext({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 });
      context.with(trace.setSpan(context.active(), span), () => queue.enqueue(spanBatch("a")));
      await clock.settle();
    } finally {
      context.disable();
    }
    expect({ suppressed, parent, below }).toEqual({ suppressed: true, parent: undefined, below: [1, true, undefined] });
  });
});

describe("flush and shutdown", () => {
  it("flush sends what waits and gives true once it settled", async () => {
    const { queue, exporter } = setUp();
    queue.enqueue(spanBatch("a"));
    queue.enqueue(logBatch("l"));
    expect(await queue.flush(1_000)).toBe(true);
    expect(exporter.batches).toHaveLength(1);
    expect(queue.stats()).toMatchObject({ exported: 2, queuedSpans: 0, queuedLogRecords: 0 });
    expect(await queue.flush(1_000)).toBe(true);
  });

  it("flush gives false at its deadline and loses nothing", async () => {
    const { queue, exporter, clock } = setUp();
    const held = Promise.withResolvers<ExportResult>();
    exporter.answers.push(() => held.promise);
    queue.enqueue(spanBatch("a"));
    const flushed = queue.flush(500);
    await clock.advance(500);
    expect(await flushed).toBe(false);
    expect(queue.stats()).toMatchObject({ queuedSpans: 1, dropped: 0 });
    held.resolve(exported);
    await clock.settle();
    expect(queue.stats()).toMatchObject({ exported: 1, queuedSpans: 0 });
  });

  it("flush does not wait for what is enqueued after it", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1 });
    exporter.answers.push(
      async () => exported,
      () => new Promise(() => undefined),
    );
    queue.enqueue(spanBatch("a"));
    const flushed = queue.flush(60_000);
    queue.enqueue(spanBatch("b"));
    await clock.settle();
    expect(await flushed).toBe(true);
  });

  it("shutdown sends what waits, then shuts the exporter down, once", async () => {
    const { queue, exporter } = setUp();
    queue.enqueue(spanBatch("a"));
    await Promise.all([queue.shutdown(1_000), queue.shutdown(1_000)]);
    expect(exporter).toMatchObject({ shutdowns: 1 });
    expect(queue.stats()).toMatchObject({ exported: 1, dropped: 0 });
    queue.enqueue(spanBatch("late"));
    expect(queue.stats()).toMatchObject({ exported: 1, dropped: 1, droppedBy: { shut_down: 1 } });
  });

  it("shutdown sends what came before it, and drops what comes while it flushes", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 2 });
    const held = Promise.withResolvers<ExportResult>();
    exporter.answers.push(() => held.promise);
    queue.enqueue(spanBatch("a", "b", "c"));
    const done = queue.shutdown(1_000);
    await clock.settle();
    queue.enqueue(spanBatch("late"));
    held.resolve(exported);
    await done;
    expect(exporter.batches.map(spanNames)).toEqual([["a", "b"], ["c"]]);
    expect(queue.stats()).toMatchObject({ exported: 3, dropped: 1, droppedBy: { shut_down: 1 } });
  });

  it("shutdown drops and counts what is left at its deadline, in flight and backing off included (I2)", async () => {
    const { queue, exporter, clock } = setUp({ maxBatchRecords: 1 });
    exporter.answers.push(retry(60_000));
    queue.enqueue(spanBatch("a", "b", "c"));
    await clock.settle();
    const done = queue.shutdown(300);
    await clock.advance(300);
    await done;
    expect(queue.stats()).toMatchObject({ exported: 0, dropped: 3, queuedSpans: 0, queuedBytes: 0 });
    expect(exporter.shutdowns).toBe(1);
  });

  it("shutdown does not wait for an exporter that does not shut down", async () => {
    const { queue, exporter, clock } = setUp();
    exporter.shutdown = () => new Promise(() => undefined);
    const done = queue.shutdown(300);
    await clock.advance(1_000);
    await done;
  });
});

describe("counting", () => {
  it("accounts for every record, whatever happens (I2)", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { queue, exporter, clock } = setUp({
        maxQueuedRecords: 60,
        maxBatchRecords: 7,
        retry: { maxElapsedMs: 900 },
      });
      const random = generator(seed);
      let enqueued = 0;
      for (let step = 0; step < 60; step++) {
        const records = Math.floor(random() * 12);
        enqueued += records;
        const names = Array.from({ length: records }, (_, index) => `s${index}`);
        queue.enqueue(random() < 0.5 ? spanBatch(...names) : logBatch(...names));
        exporter.answers.push(answer(random()));
        await clock.advance(Math.floor(random() * 700));
        expectSum(queue, enqueued, seed);
      }
      const done = queue.shutdown(100);
      await clock.advance(2_000);
      await done;
      expectSum(queue, enqueued, seed);
      expect(queue.stats()).toMatchObject({ queuedSpans: 0, queuedLogRecords: 0, queuedBytes: 0 });
    }
  });
});

function expectSum(queue: ExportQueue, enqueued: number, seed: number): void {
  const { exported: taken, rejected, failed, dropped, queuedSpans, queuedLogRecords } = queue.stats();
  expect(taken + rejected + failed + dropped + queuedSpans + queuedLogRecords, `seed ${seed}`).toBe(enqueued);
  expect(queuedSpans + queuedLogRecords).toBeLessThanOrEqual(60);
}

function answer(random: number): () => Promise<ExportResult> {
  if (random < 0.4) return async () => exported;
  if (random < 0.7) return retry(Math.floor(random * 300));
  if (random < 0.8) return async () => ({ outcome: "exported", rejected: { spans: 1, logRecords: 0, message: "" } });
  return random < 0.9 ? async () => ({ outcome: "failed", message: "400" }) : () => Promise.reject(new Error("lost"));
}

/** A linear congruential generator: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
