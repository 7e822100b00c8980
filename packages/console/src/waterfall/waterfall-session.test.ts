import { SpanloomError } from "@spanloom/protocol";
import type { PathSegment, QueryClient, TailInput, TailOptions } from "@spanloom/query";
import { type RecordBatch, Table, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { sampleBaseNs, sampleBatch, sampleId } from "./testing/sample-batch.ts";
import type { WaterfallNews } from "./waterfall-messages.ts";
import { type SessionContext, WaterfallSession } from "./waterfall-session.ts";

/** What a server answers in place of each call for spans: batches, then an error. */
type Answer = readonly (RecordBatch | SpanloomError)[];

/** A session over answers in place of a server, and what it told. */
function sessionOf(answers: readonly Answer[], context: Partial<SessionContext> = {}) {
  const news: WaterfallNews[] = [];
  /** Positions that tails began at. */
  const tails: string[] = [];
  const left = [...answers];
  const stream = async function* (batches: Answer) {
    for (const batch of batches) {
      if (batch instanceof SpanloomError) throw batch;
      yield batch;
    }
  };
  let asked = 0;
  const query = {
    stream: () => stream(left.shift() ?? []),
    tail: ({ position = "", existing = false }: TailInput) => ({
      stream: async function* ({ onPosition }: TailOptions) {
        tails.push(existing ? "all" : position);
        yield* stream(left.shift() ?? []);
        asked += 1;
        onPosition?.(`after ${asked}`);
      },
    }),
    limit: () => ({ stream: () => stream([]) }),
  };
  const client = { spans: () => ({ columns: () => query }), logs: () => ({ columns: () => query }) };
  const session = new WaterfallSession({
    client: () => client as unknown as QueryClient,
    readPath: async () => [],
    random: () => 0,
    tell: (each) => news.push(each),
    nowMs: () => Number(sampleBaseNs / 1_000_000n) + 5_000,
    schedule: () => undefined,
    ...context,
  });
  const drawn = () => news.findLast((each) => each.kind === "drawing")!.drawing;
  const open = (live = false) =>
    session.handle({ kind: "open", jobId: "j", url: "", token: "", live, late: true, aheadMs: 0 });
  return { session, news, drawn, open, tails };
}

/** A session that has got these batches, and all. */
async function opened(...batches: readonly RecordBatch[]) {
  const parts = sessionOf([batches]);
  await parts.open();
  return parts;
}

it("reads batches whose dictionaries differ, to the nanosecond", async () => {
  const { drawn, news } = await opened(
    sampleBatch({ id: 0, name: "first", end: 901 }, { id: 3, parent: 1, name: "second", outcome: "timeout" }),
    sampleBatch({ id: 1, parent: 0, name: "second", queuedMs: 2.5 }),
  );
  const { lines, names, whole, counts } = drawn();
  expect(news.at(-1)).toEqual({ kind: "complete" });
  expect([...lines.name].map((name) => names[name])).toEqual(["first", "second", "second"]);
  expect([[...lines.start], [...lines.depth], [...lines.queuedMs]]).toEqual([
    [0, 1, 3],
    [0, 1, 2],
    [0, 2.5, 0],
  ]);
  expect([whole, counts]).toEqual([
    { from: 0, to: 901 },
    { spans: 3, errors: 1, open: 0 },
  ]);
});

it("an open span reaches up to now, and ends when it comes again", async () => {
  const open = sampleBatch({ id: 0, end: null, outcome: "" });
  const { drawn } = await opened(open);
  expect([drawn().counts.open, drawn().whole.to > 4e9, drawn().lines.end[0]]).toEqual([1, true, Number.NaN]);
  const later = await opened(open, sampleBatch({ id: 0, end: 50 }));
  expect([later.drawn().counts, later.drawn().whole.to]).toEqual([{ spans: 1, errors: 0, open: 0 }, 50]);
});

it("folds by span and by name, and unfolds what hides a span that is looked for", async () => {
  const { session, drawn, news } = await opened(
    sampleBatch({ id: 0, name: "root" }, { id: 1, parent: 0, name: "mid" }, { id: 2, parent: 1, name: "leaf" }),
  );
  await session.handle({ kind: "foldName", name: 1 });
  expect(drawn().lines.count).toBe(2);
  await session.handle({ kind: "fold", row: 0 });
  expect(drawn().lines.count).toBe(1);
  await session.handle({ kind: "search", search: { text: "leaf", errors: false } });
  const search = { text: "leaf", errors: false };
  expect(news.at(-1)).toEqual({ kind: "found", search, positions: Int32Array.of(2) });
  await session.handle({ kind: "reveal", target: { spanId: sampleId(2) } });
  expect([drawn().lines.count, news.at(-1)]).toEqual([3, { kind: "revealed", line: 2 }]);
  await session.handle({ kind: "fold", row: 1 });
  expect([drawn().lines.count, drawn().folded]).toEqual([2, true]);
  await session.handle({ kind: "unfoldAll" });
  expect([drawn().lines.count, drawn().folded]).toEqual([3, false]);
  await session.handle({ kind: "reveal", target: { spanId: sampleId(77) } });
  expect(news.at(-1)).toEqual({ kind: "revealed", line: -1 });
});

it("what is looked for before it has come is told when it has, and before all has", async () => {
  const { session, open, news } = sessionOf([
    [sampleBatch({ id: 0, name: "root" }, { id: 1, parent: 0, name: "leaf" })],
  ]);
  const search = { text: "leaf", errors: false };
  await session.handle({ kind: "search", search });
  await open(false);
  const told = news.filter(({ kind }) => kind === "found" || kind === "complete");
  expect(told).toEqual([
    { kind: "found", search, positions: Int32Array.of() },
    { kind: "found", search, positions: Int32Array.of(1) },
    { kind: "complete" },
  ]);
});

it("a job without spans is drawn as nothing, and a failure is told", async () => {
  const { drawn } = await opened();
  expect([drawn().lines.count, drawn().counts.spans]).toEqual([0, 0]);
  const { news } = await opened(new Table({ span_id: vectorFromArray(["x"], new Utf8()) }).batches[0]!);
  expect(news.at(-1)).toMatchObject({ kind: "failed", message: expect.stringContaining('"start_time"') });
});

const away = new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot read spans: the store is busy");
const kinds = (news: readonly WaterfallNews[]) => news.map(({ kind }) => kind);

describe("a server that goes away", () => {
  const first = sampleBatch({ id: 0 }, { id: 1, parent: 0 });

  it.each([true, false])("is asked again, and what comes again is not doubled; live: %s", async (live) => {
    const answers = [[away], [first, away], [first, sampleBatch({ id: 2, parent: 0 })]];
    const waits: number[] = [];
    const schedule = (callback: () => void, delayMs: number) => {
      waits.push(delayMs);
      callback();
    };
    const { open, news, drawn } = sessionOf(answers, { schedule });
    await open(live);
    expect([drawn().counts.spans, drawn().lines.count]).toEqual([3, 3]);
    const told = kinds(news).filter((kind) => kind !== "drawing");
    expect(told).toEqual(["interrupted", "resumed", "interrupted", "resumed", "complete"]);
    expect(waits.filter((delayMs) => delayMs === 500)).toEqual([500, 500]);
  });

  it("is not asked again when it refuses", async () => {
    const { open, news } = sessionOf([[new SpanloomError("UNAUTHENTICATED", "cannot read spans: the token is wrong")]]);
    await open();
    expect(news).toEqual([
      { kind: "failed", message: "cannot read spans: the token is wrong", reason: "UNAUTHENTICATED" },
    ]);
  });
});

describe("a span that a link names", () => {
  it("is waited for while spans come, and shown once it has", async () => {
    let draw = () => {};
    const { session, open, news } = sessionOf([[sampleBatch({ id: 0 }), sampleBatch({ id: 1, parent: 0 })]], {
      schedule: (callback) => {
        draw = callback;
      },
    });
    await session.handle({ kind: "reveal", target: { spanId: sampleId(1) } });
    const opening = open();
    expect(kinds(news)).toEqual([]);
    await opening;
    draw();
    expect(news.filter(({ kind }) => kind === "revealed")).toEqual([{ kind: "revealed", line: 1 }]);
  });

  it("is told to be missing once all have come", async () => {
    const { session, open, news } = sessionOf([[sampleBatch({ id: 0 })]]);
    await session.handle({ kind: "reveal", target: { spanId: sampleId(9) } });
    await open();
    expect(news.filter(({ kind }) => kind === "revealed")).toEqual([{ kind: "revealed", line: -1 }]);
  });
});

describe("what is marked", () => {
  const step = { startNs: sampleBaseNs + 1n, durationNs: 5, kind: "running", spanId: sampleId(1) } as PathSegment;
  const path = [step, { ...step, kind: "overhead" as const, spanId: sampleId(0) }, { ...step, spanId: sampleId(99) }];

  it("is the critical path where it runs or waits, until it is wished for no more", async () => {
    const { session, open, drawn } = sessionOf([[sampleBatch({ id: 0 }, { id: 1, parent: 0 })]], {
      readPath: async () => path,
    });
    await open();
    await session.handle({ kind: "path", shown: true });
    const { line, from, to } = drawn().highlight!;
    expect([[...line], [...from], [...to]]).toEqual([[1], [1], [6]]);
    await session.handle({ kind: "path", shown: false });
    expect(drawn().highlight).toBeUndefined();
  });

  it("is asked for again and again while the job runs, and not when that is over", async () => {
    const later: (() => void)[] = [];
    let asked = 0;
    const { session, open } = sessionOf([[sampleBatch({ id: 0 })]], {
      readPath: async () => {
        asked += 1;
        return path;
      },
      schedule: (callback) => later.push(callback),
    });
    const opening = open(true);
    await session.handle({ kind: "path", shown: true });
    await opening;
    await expect.poll(() => asked).toBe(2);
    for (const callback of later.splice(0)) callback();
    expect(asked).toBe(2);
  });

  it("that cannot be read leaves the waterfall as it is", async () => {
    const { session, open, news } = sessionOf([[sampleBatch({ id: 0 })]], { readPath: () => Promise.reject(away) });
    await open();
    await session.handle({ kind: "path", shown: true });
    expect(news.at(-1)).toEqual({ kind: "refused", asked: "path", message: away.message });
  });
});

it("who goes from span to span is told of the last alone", async () => {
  const { session, open, news } = sessionOf([[sampleBatch({ id: 0 }, { id: 1 }, { id: 2 })]]);
  await open();
  await Promise.all([0, 1, 2].map((row) => session.handle({ kind: "details", row })));
  expect(news.filter(({ kind }) => kind === "details")).toEqual([{ kind: "details", row: 2, details: undefined }]);
});

it("what comes after the end of a job is asked for from where its tail ended, a few times", async () => {
  const later = { callbacks: [] as (() => void)[] };
  const { open, drawn, tails } = sessionOf(
    [[sampleBatch({ id: 0 })], [], [away], [sampleBatch({ id: 1, parent: 0 })]],
    {
      schedule: (callback, delayMs) => {
        if (delayMs >= 2_000) later.callbacks.push(callback);
        else callback();
      },
    },
  );
  await open(true);
  for (let times = 1; times <= 3; times++) {
    await expect.poll(() => later.callbacks.length).toBe(times);
    later.callbacks.at(-1)!();
  }
  await expect.poll(() => drawn().counts.spans).toBe(2);
  expect(tails).toEqual(["all", "after 1", "after 2", "after 2"]);
  expect(later.callbacks).toHaveLength(3);
});

it("what comes late of a job that had ended is found, though it was read by a query", async () => {
  let late = () => {};
  const { open, drawn, tails } = sessionOf([[sampleBatch({ id: 0 })], [sampleBatch({ id: 0 }, { id: 1, parent: 0 })]], {
    schedule: (callback, delayMs) => {
      if (delayMs === 2_000) late = callback;
      else if (delayMs < 2_000) callback();
    },
  });
  await open();
  expect([drawn().counts.spans, tails]).toEqual([1, []]);
  late();
  await expect.poll(() => drawn().counts.spans).toBe(2);
  expect(tails).toEqual(["all"]);
});

it("what failed below a span is gone to, past those that failed for it", async () => {
  const { session, news } = await opened(
    sampleBatch(
      { id: 0 },
      { id: 1, parent: 0, outcome: "failure" },
      { id: 2, parent: 1, outcome: "failure" },
      { id: 3 },
    ),
  );
  await session.handle({ kind: "revealFailure", row: 0 });
  expect(news.at(-1)).toEqual({ kind: "revealed", line: 2 });
  const before = news.length;
  await session.handle({ kind: "revealFailure", row: 3 });
  expect(news).toHaveLength(before);
});
