import { create } from "@bufbuild/protobuf";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LeasedTaskSchema, type TaskResult } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { Attempt } from "./attempt.ts";
import { ResultStore } from "./result-store.ts";
import { releaseResult, toResult } from "./task-result.ts";
import { TelemetryBudget } from "./tracing/attempt-buffer.ts";
import { AttemptTracing } from "./tracing/attempt-tracing.ts";
import { Origins } from "./tracing/origins.ts";

const MIB = 1024 * 1024;
const entry = (bytes: number) => {
  return { origin: { resource: new Uint8Array(), scope: new Uint8Array() }, bytes: new Uint8Array(bytes) };
};

function make(maxResultBytes = 64 * MIB) {
  const budget = new TelemetryBudget(256 * MIB);
  const store = new ResultStore({ maxResultBytes, budget, ready: () => undefined, collected: () => undefined });
  const resource = resourceFromAttributes({});
  const host = { runnerId: "r", budget, receiver: store, origins: new Origins(resource, resource) };
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
    one.tracing.buffer.addSpan(entry(3 * MIB));
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
    const { store, add } = make(MIB);
    while (!store.full) add();
    for (let batch = store.take(); batch; batch = store.take()) store.acknowledge(batch);
    expect(store.full).toBe(false);
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
