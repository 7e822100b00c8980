import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttemptOutcome,
  attemptSpanId,
  bytesToHex,
  ClosedSpanPurpose,
  JobState,
  spanIdOf,
  TaskState,
} from "@spanloom/protocol";
import { AnyValueSchema, ExportTraceServiceRequestSchema, SpanSchema } from "@spanloom/protocol/otlp";
import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import {
  attemptRecord,
  fixtureId,
  jobRecord,
  LifecycleFixture,
  startUs,
  taskRecord,
} from "../telemetry/lifecycle/lifecycle-fixture.ts";
import { SpanHandout } from "./span-handout.ts";

const { EXPORT, NOTIFY } = ClosedSpanPurpose;

let clock: ManualClock;
let store: LifecycleFixture;
let handout: SpanHandout;
let ready: string[];
let lines: string[];
beforeEach(() => {
  clock = new ManualClock();
  store = new LifecycleFixture();
  ready = [];
  lines = [];
  handout = newHandout(15_000);
  handout.onReady((runnerId) => void ready.push(runnerId));
});

function newHandout(leaseMs: number): SpanHandout {
  return new SpanHandout({ store, clock, random: () => 0.5, leaseMs, log: (line) => void lines.push(line) });
}

interface Asking {
  purposes?: ClosedSpanPurpose[];
  queues?: string[];
  received?: bigint[];
  tasks?: boolean;
}

function ask(
  runnerId: string,
  { purposes = [EXPORT], queues = ["default"], received = [], tasks = false }: Asking = {},
): void {
  const request = { $typeName: "spanloom.v1.ClosedSpanRequest" as const, purposes, received, tasks };
  handout.heard({ runnerId, queues, request });
}

/** Notes all there is, and has it made. */
async function noteAll(): Promise<void> {
  handout.note(new Set(store.jobs.keys()), new Set(store.tasks.keys()));
  await handout.catchUp("nobody");
}

/** What an answer brings: names of spans, and ids of batches. */
function take(runnerId: string) {
  const batches = handout.take(runnerId);
  const spans = batches.flatMap(({ purpose, traces }) =>
    fromBinary(ExportTraceServiceRequestSchema, traces).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap((scope) => scope.spans.map(({ name, spanId }) => ({ name, spanId, purpose }))),
    ),
  );
  return { names: spans.map(({ name }) => name).sort(), spans, ids: batches.map(({ id }) => id) };
}

const [jobId, taskId] = [fixtureId(1), fixtureId(2)];

/** A job with one task, whose attempts these runners made. */
function putJob(...runners: string[]): void {
  const attempts = runners.map((runnerId, i) => attemptRecord(i + 1, { runnerId }));
  store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts }));
}

describe("spans that ended", () => {
  it("are not even read while nobody asks", async () => {
    putJob("a");
    await noteAll();
    expect([store.reads, take("a").names, clock.pending]).toEqual([0, [], 0]);
  });

  it("are handed out once, however often what they are of changes", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    expect(take("a").names).toEqual(["job audit", "task walk", "walk"]);
    await noteAll();
    expect(take("a").names).toEqual([]);
  });

  it("are handed out again when they ended anew", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    take("a");
    const attempts = [1, 2].map((number) => attemptRecord(number, { runnerId: "a" }));
    store.put(
      jobRecord(jobId, { endedAtUs: startUs + 20_000 }),
      taskRecord(taskId, jobId, { attempts, endedAtUs: startUs + 19_000 }),
    );
    await noteAll();
    expect(take("a").names).toEqual(["job audit", "task walk", "walk"]);
  });

  it("of a job that was fired bring the span of its firing, once", async () => {
    const source = { kind: "schedule", id: fixtureId(9), name: "nightly" } as const;
    const trigger = { type: "schedule", source, depth: 0 } as const;
    putJob("a");
    ask("a");
    for (const [endedAtUs, names] of [
      [startUs + 9_000, ["fire nightly", "job audit", "task walk", "walk"]],
      [startUs + 20_000, ["job audit"]],
    ] as const) {
      store.put(jobRecord(jobId, { endedAtUs, trigger }));
      await noteAll();
      expect(take("a").names).toEqual(names);
    }
  });

  it("are made when changes pause, and after two seconds though they do not", async () => {
    putJob("a");
    ask("a");
    const reads: number[] = [];
    for (let ms = 0; ms < 2_400; ms += 50) {
      handout.note(new Set([jobId]), new Set([taskId]));
      clock.advance(50);
      if (store.reads > reads.length) reads.push(ms + 50);
    }
    // Nothing before two seconds had passed.
    expect(reads.map((ms) => ms >= 2_000)).toEqual(reads.map(() => true));
    expect(reads.length).toBeGreaterThan(0);
  });

  it("are not those that are open", async () => {
    const open = { outcome: AttemptOutcome.UNSPECIFIED, endedAtUs: undefined } as object;
    store.put(
      jobRecord(jobId, { state: JobState.RUNNING, endedAtUs: undefined } as object),
      taskRecord(taskId, jobId, {
        state: TaskState.RUNNING,
        endedAtUs: undefined,
        attempts: [attemptRecord(1, { runnerId: "a" }), attemptRecord(2, { runnerId: "a", ...open })],
      } as object),
    );
    ask("a");
    await noteAll();
    expect(take("a").names).toEqual(["walk"]);
  });

  it("go to who ran the attempt, and to the latest of them otherwise", async () => {
    putJob("a", "b");
    ask("a");
    ask("b");
    await noteAll();
    expect([take("a").names, take("b").names]).toEqual([["walk"], ["job audit", "task walk", "walk"]]);
    expect(ready).toEqual(["a", "b"]);
  });

  it("are not handed out of jobs that only runners which do not ask had a part in", async () => {
    putJob("other");
    ask("a");
    await noteAll();
    const { reads } = store;
    handout.note(new Set([jobId]), new Set());
    await handout.catchUp("a");
    expect(take("a").names).toEqual([]);
    // The job was looked at once.
    expect(store.reads - reads).toBe(1);
  });

  it("of a job that nobody ran go to a runner that serves its queue", async () => {
    store.put(
      jobRecord(jobId, { attempts: 0, state: JobState.CANCELLED, queue: "gpu" }),
      taskRecord(taskId, jobId, { attempts: [], state: TaskState.CANCELLED }),
    );
    ask("a");
    ask("b", { queues: ["cpu", "gpu"] });
    await noteAll();
    expect([take("a").names, take("b").names]).toEqual([[], ["job audit", "task walk"]]);
  });

  it("of tasks that never ran are handed out also by a server that was started again meanwhile", async () => {
    const skipped = taskRecord(fixtureId(3), jobId, { attempts: [], state: TaskState.CANCELLED });
    putJob("a");
    store.put(store.jobs.get(jobId)!, skipped);
    ask("a");
    handout.note(new Set(), new Set([skipped.id]));
    await handout.catchUp("a");
    expect(take("a").spans.map(({ spanId }) => bytesToHex(spanId))).toEqual([spanIdOf(skipped.id)]);
  });

  it("come for each purpose", async () => {
    putJob("a", "b");
    ask("a", { purposes: [EXPORT] });
    ask("b", { purposes: [NOTIFY] });
    await noteAll();
    expect([take("a"), take("b")].map(({ spans }) => spans.map(({ purpose }) => purpose))).toEqual([
      [EXPORT, EXPORT, EXPORT, EXPORT],
      [NOTIFY, NOTIFY, NOTIFY, NOTIFY],
    ]);
  });
});

describe("what is told of tasks", () => {
  const dependencyId = fixtureId(5);
  const tried = (times: number) => Array.from({ length: times }, (_, i) => attemptRecord(i + 1, { runnerId: "a" }));
  const open = { state: TaskState.WAITING, endedAtUs: undefined } as object;
  const told = (runnerId: string) =>
    handout.take(runnerId).map(({ tasks }) =>
      tasks.map(({ spanId, parentSpanId, lastAttempt, dependencySpanIds }) => ({
        task: bytesToHex(spanId),
        parent: bytesToHex(parentSpanId),
        lastAttempt,
        dependencies: dependencySpanIds.map(bytesToHex),
      })),
    );

  /** A task that is open below the second attempt of another, and depends on one that ended before. */
  async function putChild(attempts: number): Promise<void> {
    store.put(jobRecord(jobId), taskRecord(dependencyId, jobId, { attempts: tried(attempts) }));
    const dependency = { dependsOn: [dependencyId], dependencyCount: 1 };
    const parent = { parentId: fixtureId(4), parentAttempt: 2 };
    store.put(
      store.jobs.get(jobId)!,
      taskRecord(taskId, jobId, { ...dependency, ...parent, ...open, attempts: tried(1) }),
    );
    handout.note(new Set(), new Set([taskId]));
    await handout.catchUp("a");
  }

  const child = {
    task: spanIdOf(taskId),
    parent: attemptSpanId(fixtureId(4), 2),
    lastAttempt: 1,
    dependencies: [spanIdOf(dependencyId)],
  };

  it("is nothing, and nothing is read for it, unless a runner needs it for exporters", async () => {
    ask("a", { purposes: [EXPORT] });
    ask("a", { purposes: [NOTIFY], tasks: true });
    await putChild(3);
    expect([told("a"), store.reads]).toEqual([[[], []], 2]);
  });

  it("is those of attempts, though they are open, and what they depend on that was tried again", async () => {
    ask("a", { tasks: true });
    await putChild(3);
    const dependency = { task: spanIdOf(dependencyId), parent: spanIdOf(jobId), lastAttempt: 3, dependencies: [] };
    expect(told("a")).toEqual([[child, dependency]]);
  });

  it("is nothing of what they depend on that was tried once", async () => {
    ask("a", { tasks: true });
    await putChild(1);
    expect(told("a")).toEqual([[child]]);
  });

  it("is read once for an attempt, however often its task changes", async () => {
    ask("a", { tasks: true });
    await putChild(3);
    const { reads } = store;
    handout.note(new Set(), new Set([taskId]));
    await handout.catchUp("a");
    expect(store.reads - reads).toBe(1);
  });

  it("is nothing of a task whose span comes with that of its last attempt", async () => {
    putJob("a", "a");
    ask("a", { tasks: true });
    await noteAll();
    expect(told("a")).toEqual([[]]);
  });

  it("is that of a task whose span comes to another runner than an attempt", async () => {
    putJob("a", "b");
    ask("a", { tasks: true });
    ask("b");
    await noteAll();
    expect([told("a"), told("b")]).toEqual([
      [[{ task: spanIdOf(taskId), parent: spanIdOf(jobId), lastAttempt: 2, dependencies: [] }]],
      [[]],
    ]);
  });
});

describe("what waits for a runner", () => {
  const all = ["job audit", "task walk", "walk"];

  it("is handed out again when the runner does not say that it came", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    take("a");
    clock.advance(31_000);
    ask("a");
    const again = take("a");
    expect(again.names).toEqual(all);
    clock.advance(31_000);
    ask("a", { received: again.ids });
    expect(take("a").names).toEqual([]);
  });

  it("is handed out again at once to a runner that says farewell and did not get it", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    take("a");
    ask("a");
    await handout.catchUp("a");
    expect(take("a").names).toEqual(all);
  });

  it("goes to another that serves one of its queues, when the runner has left", async () => {
    putJob("a");
    ask("a", { queues: ["cpu", "gpu"] });
    ask("elsewhere", { queues: ["net"] });
    ask("heir", { queues: ["gpu"] });
    await noteAll();
    take("a");
    ready = [];
    handout.left("a");
    expect(ready).toEqual(["heir"]);
    expect([take("elsewhere").names, take("heir").names, take("a").names]).toEqual([[], all, []]);
  });

  it("goes to another when a call of the runner was cut off before it was handed out", async () => {
    putJob("a");
    ask("a");
    ask("heir");
    await noteAll();
    handout.cutOff("a");
    expect([take("heir").names, take("a").names]).toEqual([all, []]);
  });

  it("stays with a runner that had it before a call was cut off, until it is silent for long", async () => {
    putJob("a");
    ask("a");
    ask("heir");
    await noteAll();
    const { ids } = take("a");
    ready = [];
    handout.cutOff("a");
    ask("heir");
    await handout.catchUp("heir");
    expect([take("heir").names, ready]).toEqual([[], []]);
    ask("a", { received: ids });
    clock.advance(31_000);
    expect([take("heir").names, take("a").names]).toEqual([[], []]);
  });

  it("goes to another when the runner is not heard again after a call was cut off", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    take("a");
    handout.cutOff("a");
    for (let s = 0; s < 20; s += 5) {
      clock.advance(5_000);
      ask("heir");
    }
    expect(take("heir").names).toEqual(all);
  });

  it("stays with a runner that is silent for less than a lease", async () => {
    handout = newHandout(60_000);
    putJob("a");
    ask("a");
    await noteAll();
    take("a");
    for (let s = 0; s < 55; s += 5) {
      clock.advance(5_000);
      ask("heir");
    }
    expect(take("heir").names).toEqual([]);
    clock.advance(5_000);
    ask("heir");
    clock.advance(5_000);
    expect(take("heir").names).toEqual(all);
  });

  it("goes to another when the runner is silent for long", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    for (let s = 0; s < 20; s += 5) {
      clock.advance(5_000);
      ask("heir");
    }
    expect(take("heir").names).toEqual(all);
  });

  it("goes to another when the runner lost an attempt since it was heard", async () => {
    ask("a");
    clock.advance(1_000);
    const endedAtUs = clock.nowUs();
    const lost = attemptRecord(1, { runnerId: "a", outcome: AttemptOutcome.LOST, endedAtUs });
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts: [lost], endedAtUs }));
    ask("heir");
    await noteAll();
    expect(take("heir").names).toEqual(all);
  });

  it("waits for a runner that comes, and is dropped, counted and told when none does for ten minutes", async () => {
    putJob("a");
    ask("a");
    await noteAll();
    handout.left("a");
    clock.advance(590_000);
    expect([handout.dropped, lines]).toEqual([0, []]);
    clock.advance(20_000);
    expect([handout.dropped, lines.length]).toEqual([3, 1]);
    ask("late");
    expect(take("late").names).toEqual([]);
  });

  it("is bounded in bytes; the oldest goes first", async () => {
    const value = create(AnyValueSchema, { value: { case: "stringValue", value: "x".repeat(2 * 1024 * 1024) } });
    const spanExtras = toBinary(SpanSchema, create(SpanSchema, { attributes: [{ key: "large", value }] }));
    ask("a");
    for (let n = 0; n < 40; n++) {
      const id = fixtureId(100 + n);
      store.put(
        jobRecord(jobId, { endedAtUs: undefined } as object),
        taskRecord(id, jobId, { name: `t${n}`, attempts: [attemptRecord(1, { runnerId: "a", spanExtras })] }),
      );
      handout.note(new Set(), new Set([id]));
      await handout.catchUp("a");
    }
    expect(handout.dropped).toBeGreaterThan(0);
    const names: string[] = [];
    for (let taken = take("a").names; taken.length > 0; taken = take("a").names) names.push(...taken);
    expect(names.length).toBe(80 - handout.dropped);
    expect(names).toContain("t39");
    expect(names).not.toContain("t0");
  });

  it("loses nothing when the record cannot be read for a while", async () => {
    putJob("a");
    ask("a");
    const read = store.readLifecycle.bind(store);
    let outages = 2;
    store.readLifecycle = async (jobs, tasks) => {
      if (outages-- > 0) throw new Error("away");
      return read(jobs, tasks);
    };
    await noteAll();
    expect(take("a").names).toEqual([]);
    await noteAll();
    expect(take("a").names).toEqual([]);
    await handout.catchUp("a");
    expect(take("a").names).toEqual(all);
    expect(lines.length).toBe(2);
  });
});
