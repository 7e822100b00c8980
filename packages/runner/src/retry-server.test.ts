import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { type AnyTask, Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterEach, describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startOn(dataDir: string): Promise<{ server: RunningServer; client: Client }> {
  const server = await startServer({ dataDir, port: 0 });
  cleanups.push(() => server.stop());
  const client = new Client({ url: server.url });
  cleanups.push(() => client.close());
  return { server, client };
}

async function setUp() {
  const dataDir = await mkdtemp(join(tmpdir(), "spanloom-retry-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  return { dataDir, ...(await startOn(dataDir)) };
}

async function startRunner(url: string, tasks: AnyTask[]): Promise<Runner> {
  const runner = new Runner({ url, tasks, graceMs: 1_000 });
  cleanups.push(() => runner.stop());
  await runner.start();
  return runner;
}

interface SpanRow {
  name: string;
  type: string;
  span_id: string;
  parent_span_id: string | null;
  duration_ns: bigint | null;
  outcome: string;
  attempt: number | null;
  start_time: unknown;
  links: { span_id: string; trace_id: string; attributes: unknown }[];
}

/** Rows of a job's spans, as plain objects. */
async function spansOf(url: string, jobId: string): Promise<SpanRow[]> {
  const table = await new QueryClient({ url }).spans({ job: jobId }).toArrow();
  return table.toArray().map((row) => {
    const plain = (row as { toJSON(): Record<string, unknown> }).toJSON();
    const links = [...(plain.links as Iterable<{ toJSON(): SpanRow["links"][number] }>)].map((link) => link.toJSON());
    return { ...plain, links } as SpanRow;
  });
}

/** Every span once, and every parent there: one tree (P1). */
function expectOneTree(spans: readonly SpanRow[]): void {
  const ids = spans.map(({ span_id }) => span_id);
  expect(new Set(ids).size).toBe(ids.length);
  const orphans = spans.filter(({ parent_span_id }) => parent_span_id !== null && !ids.includes(parent_span_id));
  expect(orphans).toEqual([]);
  expect(spans.filter(({ parent_span_id }) => parent_span_id === null).map(({ type }) => type)).toEqual(["job"]);
}

/** A tree of which one grandchild fails as often as `failures` says, and then waits for `hold`. */
function flakyTree(state: { failures: number; hold?: Promise<void>; begun?: () => void }) {
  const ran: string[] = [];
  const leaf = task({
    name: "leaf",
    run: async (_: undefined, ctx) => {
      ran.push("leaf");
      if (state.failures-- > 0) throw new RangeError("not yet");
      state.begun?.();
      await state.hold;
      return ctx.attempt;
    },
  });
  const after = task({ name: "after", run: () => void ran.push("after") });
  const good = task({ name: "good", run: () => void ran.push("good") });
  const root = task({
    name: "root",
    run: (_: undefined, ctx) => {
      ran.push("root");
      ctx.submit(after, undefined, { dependsOn: ctx.submit(leaf, undefined, { dependsOn: ctx.submit(good) }) });
      return "kept";
    },
  });
  return { ran, root, tasks: [root, leaf, after, good] as AnyTask[] };
}

describe("a retried job", () => {
  it("runs what failed again, with new attempts linked to old and one complete tree", async () => {
    const { server, client } = await setUp();
    const hold = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const state = { failures: 1, hold: hold.promise, begun: begun.resolve };
    const { ran, root, tasks } = flakyTree(state);
    await startRunner(server.url, tasks);
    const job = await client.jobs.submit(root);
    expect(await job.wait()).toMatchObject({ state: "FAILED", failure: { message: "not yet" } });
    const before = await spansOf(server.url, job.id);
    expect(before.filter(({ duration_ns }) => duration_ns === null)).toEqual([]);

    expect(await job.retry()).toMatchObject({ job: { state: "RUNNING" }, retried: 2 });
    await begun.promise;
    // P3: what runs again is open again, what is finished stays as it was.
    const open = await spansOf(server.url, job.id);
    expectOneTree(open);
    const openNames = open.filter(({ duration_ns }) => duration_ns === null).map(({ name }) => name);
    expect(openNames.sort()).toEqual(["job root", "leaf", "task after", "task leaf", "task root"]);
    const waiting = job.result();
    hold.resolve();
    expect(await waiting).toBe("kept");
    expect(ran).toEqual(["root", "good", "leaf", "leaf", "after"]);

    const spans = await spansOf(server.url, job.id);
    expectOneTree(spans);
    expect(spans.filter(({ duration_ns }) => duration_ns === null)).toEqual([]);
    const one = (name: string, attempt = 0) =>
      spans.find((span) => span.name === name && (span.attempt ?? 0) === attempt)!;
    const earlier = (name: string) => before.find((span) => span.name === name)!;
    for (const name of ["job root", "task root", "task leaf"]) {
      expect(one(name)).toMatchObject({ outcome: "success", span_id: earlier(name).span_id });
      expect(one(name).duration_ns).toBeGreaterThan(earlier(name).duration_ns!);
    }
    const { span_id, duration_ns, outcome } = earlier("task good");
    expect(one("task good")).toMatchObject({ span_id, duration_ns, outcome });
    expect([one("leaf", 1).outcome, one("leaf", 2).outcome]).toEqual(["failure", "success"]);
    expect(one("leaf", 2).links.map(({ span_id }) => span_id)).toEqual([one("leaf", 1).span_id]);
    expect(one("leaf", 2).parent_span_id).toBe(one("task leaf").span_id);
  });

  it("keeps one complete tree when the server restarts between, and ends again", async () => {
    const { dataDir, server, client } = await setUp();
    const { root, tasks } = flakyTree({ failures: 2 });
    const runner = await startRunner(server.url, tasks);
    const job = await client.jobs.submit(root);
    await job.wait();
    await runner.stop();
    await job.retry();
    await server.stop();
    const again = await startOn(dataDir);
    await startRunner(again.server.url, tasks);
    expect(await again.client.jobs.wait(job.id)).toMatchObject({ state: "FAILED" });
    const ids: string[] = [];
    for await (const { id, name } of again.client.jobs.tasks(job.id)) if (name === "leaf") ids.push(id);
    expect(await again.client.jobs.retry(job.id, { tasks: ids })).toMatchObject({ retried: 2 });
    const states: string[] = [];
    for await (const { state } of again.client.jobs.watch(job.id)) states.push(state);
    expect(states.at(-1)).toBe("SUCCEEDED");
    const spans = await spansOf(again.server.url, job.id);
    expectOneTree(spans);
    const leaves = spans.filter(({ name }) => name === "leaf").map(({ attempt, outcome }) => [attempt, outcome]);
    expect(leaves.sort()).toEqual([
      [1, "failure"],
      [2, "failure"],
      [3, "success"],
    ]);
  });
});

describe("a cloned job", () => {
  it("runs the same roots with edits, and its span links to the original's", async () => {
    const { server, client } = await setUp();
    const sum = task({ name: "sum", run: (numbers: number[]) => numbers.reduce((a, b) => a + b, 0) });
    await startRunner(server.url, [sum]);
    const original = await client.jobs.submit(sum, [1, 2, 3], { tags: { team: "a", try: "1" }, queue: "default" });
    expect(await original.result()).toBe(6);
    const clone = await client.jobs.clone(original.id, { name: "again", tags: { try: "2" }, idempotencyKey: "once" });
    expect(clone.submitted).toMatchObject({ name: "again", tags: { team: "a", try: "2" } });
    expect(await clone.result()).toBe(6);
    const same = await client.jobs.clone(original.id, { name: "again", tags: { try: "2" }, idempotencyKey: "once" });
    expect(same.id).toBe(clone.id);
    const other = client.jobs.clone(original.id, { name: "other", idempotencyKey: "once" });
    await expect(other).rejects.toMatchObject({ reason: "IDEMPOTENCY_CONFLICT" });
    const edited = await client.jobs.clone(original.id, { build: (roots) => void roots.submit(sum, [10, 20]) });
    expect(await edited.result()).toBe(30);

    const spans = await spansOf(server.url, clone.id);
    const span = spans.find(({ type }) => type === "job")!;
    const { traceId, spanId } = original.submitted;
    expect(span.links).toMatchObject([{ trace_id: traceId, span_id: spanId }]);
    expect(JSON.stringify(span.links[0]!.attributes)).toContain("clone");
    expect(clone.traceId).not.toBe(traceId);
    const unknown = client.jobs.clone("01900000-0000-7000-8000-000000000000");
    await expect(unknown).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
  });

  it("stands below the span of whoever clones, or links to it, and the same key gives the same clone whatever the caller", async () => {
    const { server, client } = await setUp();
    const echo = task({ name: "echo", run: (text: string) => text });
    await startRunner(server.url, [echo]);
    const original = await client.jobs.submit(echo, "a");
    const [traceId, spanId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
    const trace = { traceparent: `00-${traceId}-${spanId}-01` };
    const child = await client.jobs.clone(original.id, { trace, idempotencyKey: "child" });
    const again = await client.jobs.clone(original.id, { idempotencyKey: "child" });
    const linked = await client.jobs.clone(original.id, { trace, traceMode: "link" });
    expect([again.id, child.traceId]).toEqual([child.id, traceId]);
    await client.jobs.wait([child.id, linked.id]);
    const spanOf = async (jobId: string) => (await spansOf(server.url, jobId)).find(({ type }) => type === "job")!;
    const ofOriginal = { trace_id: original.traceId, span_id: original.submitted.spanId };
    const { parent_span_id, links } = await spanOf(child.id);
    expect({ parent_span_id, links }).toMatchObject({ parent_span_id: spanId, links: [ofOriginal] });
    expect((await spanOf(linked.id)).links).toMatchObject([ofOriginal, { trace_id: traceId, span_id: spanId }]);
    expect(linked.traceId).not.toBe(traceId);
  });

  it("runs roots of 16 MiB again, more than one answer can hold, and gives their outputs page by page", async () => {
    const { server, client } = await setUp();
    const MAX_OUTPUT = 256 * 1_024 - 2;
    const pad = task({ name: "pad", run: (text: string) => text.padEnd(MAX_OUTPUT, "y") });
    await startRunner(server.url, [pad]);
    const texts = Array.from({ length: 65 }, (_, i) => String(i).padEnd(257_000, "x"));
    const original = await client.jobs.compose("large", (roots) => void roots.submitMany(pad, texts));
    const clone = await client.jobs.clone(original.id);
    const [first, second] = await Promise.all([original.result(), clone.wait()]);
    expect(first).toEqual(texts.map((text) => text.padEnd(MAX_OUTPUT, "y")));
    expect(second.outputs).toEqual(first);
    expect((await client.jobs.get(clone.id)).outputs).toHaveLength(65);
  });
});
