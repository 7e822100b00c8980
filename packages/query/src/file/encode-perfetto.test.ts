import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type ChunkBatches, readChunk } from "../read-arrow.ts";
import { type SampleSpan, sampleChunk, spanIdFor } from "../testing/sample-spans.ts";
import { encodePerfetto } from "./encode-perfetto.ts";

async function* streams(...groups: readonly (readonly SampleSpan[])[]): AsyncGenerator<ChunkBatches> {
  for (const spans of groups) yield* readChunk(sampleChunk(spans));
}

async function textOf(...groups: readonly (readonly SampleSpan[])[]): Promise<string> {
  let text = "";
  for await (const piece of encodePerfetto(streams(...groups))) text += piece;
  return text;
}

interface TraceEvent {
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  name: string;
  id?: number;
  args: Record<string, unknown>;
}

async function eventsOf(...groups: readonly (readonly SampleSpan[])[]): Promise<TraceEvent[]> {
  return (JSON.parse(await textOf(...groups)) as { traceEvents: TraceEvent[] }).traceEvents;
}

const START = 1_795_204_800_000_000_123n;

/** A span by number; times are microseconds from the start. */
function span(n: number, parent: number | null, at: [from: number, to?: number], more: Partial<SampleSpan> = {}) {
  const [from, to] = at;
  return {
    spanId: spanIdFor(n),
    parentSpanId: parent === null ? null : spanIdFor(parent),
    name: `span ${n}`,
    startNs: START + BigInt(Math.round(from * 1000)),
    endNs: to === undefined ? null : START + BigInt(Math.round(to * 1000)),
    ...more,
  } satisfies SampleSpan;
}

const server = { runnerId: "", serviceName: "spanloom" };

it("draws jobs, tasks, attempts on two runners, links, events and what is open as recorded", async () => {
  const text = await textOf(
    [
      span(0, null, [0, 9000], { ...server, name: "job audit", type: "job" }),
      span(1, 0, [0.5, 2000], { ...server, name: "task list", type: "task" }),
      span(2, 1, [100, 1900.001], { name: "list", type: "attempt", attempt: 1, outcome: "success" }),
      span(3, 2, [100, 900], {
        attributes: { path: 'a"b', n: "5", big: "9223372036854775807", ok: "true" },
        attributeTypes: { n: "int", big: "int", ok: "bool" },
      }),
    ],
    [
      span(4, 0, [1000, 8000], {
        ...server,
        name: "task audit",
        type: "task",
        links: [{ spanId: spanIdFor(1), kind: "dependency" }],
      }),
      span(5, 4, [2100, 3000], {
        name: "audit",
        type: "attempt",
        attempt: 1,
        status: "ERROR",
        statusMessage: "lost",
        outcome: "lost",
      }),
      span(6, 4, [4000], {
        name: "audit",
        type: "attempt",
        attempt: 2,
        runnerId: "runner-2",
        links: [{ spanId: spanIdFor(5), kind: "retry" }],
      }),
      span(7, 6, [4100, 4100], { events: [{ timeNs: 1_795_204_800_004_000_000n, name: "cache miss" }] }),
    ],
  );
  const golden = new URL("../../testdata/perfetto.json", import.meta.url);
  await expect(text).toMatchFileSnapshot(golden.pathname);
  expect(JSON.parse(readFileSync(golden, "utf8"))).toMatchObject({ displayTimeUnit: "ns" });
});

it("writes a trace without events when nothing matched", async () => {
  expect(await eventsOf([])).toEqual([{ ph: "M", pid: 0, name: "trace", args: {} }]);
  expect(await eventsOf()).toHaveLength(1);
});

it("nests what starts together by length, then by parent, whatever the order of rows", async () => {
  const spans = [span(3, 2, [0, 5]), span(2, 1, [0, 5]), span(1, null, [0, 9]), span(4, 2, [0, 2])];
  const drawn = (await eventsOf(spans)).filter(({ ph }) => ph === "X");
  expect(drawn.map(({ name, tid }) => [name, tid])).toEqual([
    ["span 1", 1],
    ["span 2", 1],
    ["span 3", 1],
    ["span 4", 2],
  ]);
});

it("holds out against spans that are each other's parents", async () => {
  const spans = [span(1, 2, [0, 5]), span(2, 1, [0, 5]), span(3, 3, [0, 5])];
  expect((await eventsOf(spans)).filter(({ ph }) => ph === "X")).toHaveLength(3);
});

/** Numbers in [0, 1) that are the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

it.each([1, 2, 3])("draws each span of a random trace once, in lanes that nest by parent (seed %i)", async (seed) => {
  const random = seeded(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const made: (SampleSpan & { from: number; to: number })[] = [];
  for (let n = 0; n < 400; n++) {
    const parent = n === 0 || random() < 0.1 ? undefined : made[below(n)];
    const isInside = parent !== undefined && random() < 0.8;
    const from = isInside ? parent.from + below(parent.to - parent.from) : below(300);
    const to = isInside ? from + below(parent.to - from + 1) : from + below(100);
    const at: [number, number?] = random() < 0.05 ? [from] : [from, to];
    const more: Partial<SampleSpan> = {
      runnerId: isInside ? parent.runnerId! : `runner-${below(3)}`,
      links: random() < 0.3 ? [{ spanId: spanIdFor(below(400)), kind: "dependency" }] : [],
      type: random() < 0.5 ? "attempt" : "user",
    };
    made.push({ ...span(n, null, at, more), parentSpanId: parent?.spanId ?? null, from, to });
  }
  const spans = made.sort((a, b) => Number(a.startNs - b.startNs));
  const events = await eventsOf(spans.slice(0, 150), spans.slice(150));
  const drawn = events.filter(({ ph }) => ph === "X" || ph === "B");
  expect(drawn.map(({ args }) => args.span_id).sort()).toEqual(spans.map(({ spanId }) => spanId).sort());
  const parentOf = new Map(spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId]));
  const stacks = new Map<string, TraceEvent[]>();
  const endOf = ({ ts, dur }: TraceEvent) => Math.round((ts + (dur ?? Number.POSITIVE_INFINITY)) * 1000);
  let nested = 0;
  for (const event of drawn) {
    const lane = `${event.pid} ${event.tid}`;
    const stack = stacks.get(lane) ?? [];
    stacks.set(lane, stack);
    while (stack.length > 0 && endOf(stack.at(-1)!) <= Math.round(event.ts * 1000)) stack.pop();
    const around = stack.at(-1);
    if (around) {
      nested++;
      expect(parentOf.get(event.args.span_id as string)).toBe(around.args.span_id);
      expect(endOf(event)).toBeLessThanOrEqual(endOf(around));
    }
    stack.push(event);
  }
  expect(nested).toBeGreaterThan(50);
  const flows = events.filter(({ ph }) => ph === "s");
  expect(flows.length).toBeGreaterThan(5);
  for (const { id, ts } of flows) {
    const [arrives, ...others] = events.filter((event) => event.ph === "f" && event.id === id);
    expect(others).toEqual([]);
    expect(ts).toBeLessThanOrEqual(arrives!.ts);
  }
});
