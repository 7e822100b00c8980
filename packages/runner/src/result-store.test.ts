import { create } from "@bufbuild/protobuf";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LeasedTaskSchema, type TaskResult } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { Attempt } from "./attempt.ts";
import { ResultStore } from "./result-store.ts";
import { releaseResult, toResult } from "./task-result.ts";
import { TelemetryBudget } from "./tracing/attempt-buffer.ts";
import { AttemptTracing } from "./tracing/attempt-tracing.ts";
import { OpenSpans } from "./tracing/open-spans.ts";
import { Origins } from "./tracing/origins.ts";
import { ProtoWriter } from "./tracing/proto-writer.ts";
import { noSuffix } from "./tracing/record-block.ts";
import { SharedFields } from "./tracing/shared-fields.ts";

const MIB = 1024 * 1024;
const kind = { origin: { resource: new Uint8Array(), scope: new Uint8Array() }, suffix: noSuffix };
const record = (bytes: number): ProtoWriter => {
  const writer = new ProtoWriter();
  writer.raw(new Uint8Array(bytes));
  return writer;
};

function make({ maxResultBytes = 64 * MIB, maxTelemetryBytes = 256 * MIB } = {}) {
  const budget = new TelemetryBudget(maxTelemetryBytes);
  const store = new ResultStore({ maxResultBytes, budget, ready: () => undefined, collected: () => undefined });
  const resource = resourceFromAttributes({});
  const host = {
    runnerId: "r",
    budget,
    receiver: store,
    origins: new Origins(resource, resource),
    spanFields: new SharedFields("r", "span"),
    logFields: new SharedFields("r", "log"),
    enabled: true,
    openSpans: new OpenSpans(),
    nowUs: () => 0,
    tieNs: () => 0,
    clock: undefined,
  };
  let count = 0;
  const attempt = () => {
    const task = create(LeasedTaskSchema, { taskId: `task ${++count}`, attempt: 1 });
    return new Attempt({ task, definition: undefined, tracing: new AttemptTracing(host, task), leasedAtUs: 0 });
  };
  const add = (which = attempt()): TaskResult => {
    const result = toResult(which, releaseResult("SHUTDOWN"), 1);
    store.add(which, result, which.tracing.seal());
    return result;
  };
  return { store, budget, attempt, add };
}

describe("the result store", () => {
  it("keeps results until they are acknowledged (I1)", async () => {
    const { store, add } = make();
    const result = add();
    const batch = store.take()!;
    expect(batch.results).toEqual([result]);
    expect(store.take()).toBeUndefined();
    expect([store.empty, store.unacknowledged.size]).toEqual([false, 1]);
    const empty = store.whenEmpty();
    store.acknowledge(batch);
    await empty;
    expect([store.empty, store.unacknowledged.size]).toEqual([true, 0]);
  });

  it("puts at most 1,000 results into a batch", () => {
    const { store, add } = make();
    for (let i = 0; i < 2_500; i++) add();
    expect([store.take(), store.take(), store.take()].map((batch) => batch?.results.length)).toEqual([
      1_000, 1_000, 500,
    ]);
  });

  it("sends a result only after, or together with, all its telemetry (I2)", () => {
    const { store, attempt, add, budget } = make();
    const one = attempt();
    one.tracing.buffer.addSpan(kind, record(3 * MIB));
    const result = add(one);
    const first = store.take()!;
    expect(first.results).toEqual([]);
    expect(first.telemetry!.traces[0]!.length).toBeGreaterThan(3 * MIB);
    expect(store.take()).toBeUndefined();
    store.acknowledge(first);
    const second = store.take()!;
    expect(second.results).toEqual([result]);
    store.acknowledge(second);
    expect(budget.used).toBe(0);
  });

  it("is full by bytes of results, and free again when they are acknowledged (I3)", () => {
    const { store, add } = make({ maxResultBytes: MIB });
    while (!store.full) add();
    for (let batch = store.take(); batch; batch = store.take()) store.acknowledge(batch);
    expect(store.full).toBe(false);
  });

  it("keeps what the server has no room for, within the budget, and lets results go before it (P4)", () => {
    const { store, attempt, add, budget } = make({ maxTelemetryBytes: 8 * MIB });
    const [one, two] = [attempt(), attempt()];
    one.tracing.buffer.addSpan(kind, record(3 * MIB));
    const results = [add(one)];
    two.tracing.buffer.addSpan(kind, record(MIB));
    results.push(add(two));
    const reported = [];
    for (let batch = store.take(); batch; batch = store.take()) {
      reported.push(...batch.results);
      store.refuse(batch);
    }
    expect(new Set(reported)).toEqual(new Set(results));
    expect([store.unacknowledged.size, store.empty, budget.used]).toEqual([0, false, 4 * MIB]);
    store.retryRefused();
    let bytes = 0;
    for (let batch = store.take(); batch; batch = store.take()) {
      expect(batch.results).toEqual([]);
      bytes += batch.telemetry!.traces[0]!.length;
      store.acknowledge(batch);
    }
    expect(bytes).toBeGreaterThan(4 * MIB);
    expect([store.empty, budget.used]).toEqual([true, 0]);
  });

  it("tells of an attempt that was reported what was dropped of it since (I4)", () => {
    const { store, attempt, add } = make({ maxTelemetryBytes: 4 * MIB });
    const [old, newer] = [attempt(), attempt()];
    for (let i = 0; i < 3; i++) old.tracing.buffer.addSpan(kind, record(MIB));
    const result = add(old);
    for (let batch = store.take(); batch; batch = store.take()) store.refuse(batch);
    expect(result.droppedTelemetry).toBe(0n);
    newer.tracing.buffer.addSpan(kind, record(2 * MIB));
    store.retryRefused();
    const told = [];
    for (let batch = store.take(); batch; batch = store.take()) {
      told.push(...batch.results.map(({ taskId, droppedTelemetry }) => [taskId, droppedTelemetry]));
      store.refuse(batch);
    }
    expect(told).toEqual([[result.taskId, 1n]]);
    expect(store.giveUpRefused()).toBe(true);
    const last = store.take()!;
    expect(last.results).toMatchObject([
      { taskId: result.taskId, leaseToken: result.leaseToken, droppedTelemetry: 3n },
    ]);
    store.acknowledge(last);
    expect(store.empty).toBe(true);
  });

  it("drops the oldest spans that wait, of the attempt that adds before those of others, and its result says so (I4)", () => {
    const { store, attempt, add, budget } = make({ maxTelemetryBytes: 4 * MIB });
    const [quiet, noisy] = [attempt(), attempt()];
    quiet.tracing.buffer.addSpan(kind, record(MIB));
    quiet.tracing.buffer.addLog(kind, record(MIB));
    for (let i = 0; i < 5; i++) noisy.tracing.buffer.addSpan(kind, record(MIB));
    expect([quiet.tracing.buffer.dropped, noisy.tracing.buffer.dropped]).toEqual([0, 3]);
    const late = attempt();
    late.tracing.buffer.addSpan(kind, record(3 * MIB));
    expect([quiet, noisy, late].map(({ tracing }) => tracing.buffer.dropped)).toEqual([1, 5, 0]);
    late.tracing.buffer.addSpan(kind, record(4 * MIB));
    expect(late.tracing.buffer.dropped).toBe(2);
    const results = [add(quiet), add(noisy), add(late)];
    for (let batch = store.take(); batch; batch = store.take()) store.acknowledge(batch);
    expect(results.map(({ droppedTelemetry }) => droppedTelemetry)).toEqual([1n, 5n, 2n]);
    expect([store.empty, budget.used]).toEqual([true, 0]);
  });

  it("leaves what is in a batch in it, and drops what is new instead (I4)", () => {
    const { store, attempt, add } = make({ maxTelemetryBytes: 4 * MIB });
    const one = attempt();
    one.tracing.buffer.addSpan(kind, record(3 * MIB));
    const batch = store.take()!;
    one.tracing.buffer.addSpan(kind, record(2 * MIB));
    expect(one.tracing.buffer.dropped).toBe(1);
    store.acknowledge(batch);
    one.tracing.buffer.addSpan(kind, record(2 * MIB));
    expect(one.tracing.buffer.dropped).toBe(1);
    add(one);
    for (let next = store.take(); next; next = store.take()) store.acknowledge(next);
    expect(store.empty).toBe(true);
  });

  it("splits a refused batch into its telemetry and its results, then in halves, down to what cannot be split", () => {
    const { store, attempt, add, budget } = make();
    const attempts = [attempt(), attempt()];
    for (const { tracing } of attempts) {
      tracing.buffer.addSpan(kind, record(100_000));
      tracing.buffer.addLog(kind, record(100_000));
    }
    const results = attempts.map((one) => add(one));
    const [telemetry, alone] = store.split(store.take()!)!;
    expect([telemetry.results, alone.results, alone.telemetry]).toEqual([[], results, undefined]);
    const parts = store.split(telemetry)!.flatMap((half) => store.split(half)!);
    expect(parts.map((part) => [part.telemetry!.traces.length, part.telemetry!.logs.length])).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
      [0, 1],
    ]);
    expect(parts.map((part) => store.split(part))).toEqual(Array(4).fill(undefined));
    expect(store.giveUp(parts[0]!)).toBe(1);
    for (const part of parts.slice(1)) store.acknowledge(part);
    const [first, second] = store.split(alone)!;
    expect([first.results, second.results]).toEqual([results.slice(0, 1), results.slice(1)]);
    expect(results[0]!.droppedTelemetry).toBe(1n);
    store.acknowledge(first);
    expect(store.giveUp(second)).toBe(0);
    expect([store.empty, budget.used]).toEqual([true, 0]);
  });

  it("splits a batch until a single result is left", () => {
    const { store, add } = make();
    const results = [add(), add(), add()];
    const [first, second] = store.split(store.take()!)!;
    expect([first.results, second.results]).toEqual([results.slice(0, 1), results.slice(1)]);
    expect(store.split(first)).toBeUndefined();
    store.acknowledge(first);
    for (const part of store.split(second)!) store.acknowledge(part);
    expect(store.empty).toBe(true);
  });
});
