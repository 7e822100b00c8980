import type { QueryClient } from "@spanloom/query";
import {
  Dictionary,
  Float64,
  Int32,
  makeData,
  makeVector,
  type RecordBatch,
  Table,
  TimestampNanosecond,
  Uint32,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { expect, it } from "vitest";
import type { WaterfallNews } from "./waterfall-messages.ts";
import { WaterfallSession } from "./waterfall-session.ts";

interface Row {
  id: number;
  parent?: number;
  name?: string;
  end?: number | null;
  outcome?: string;
  queuedMs?: number;
}

const baseNs = 1_790_000_000_123_456_789n;
const id = (n: number) => (0xfeed_0000_0000_0000n + BigInt(n)).toString(16);

/** A batch as the server sends it. */
function batchOf(...rows: readonly Row[]): RecordBatch {
  const text = (values: (string | null)[]) => vectorFromArray(values, new Utf8());
  const category = (values: string[]) => vectorFromArray(values, new Dictionary(new Utf8(), new Int32()));
  const times = (values: (bigint | null)[]) =>
    makeVector(
      makeData({
        type: new TimestampNanosecond(),
        length: values.length,
        data: BigInt64Array.from(values, (value) => value ?? 0n),
        nullCount: values.filter((value) => value === null).length,
        nullBitmap: Uint8Array.of(values.reduce((bits, value, at) => bits | (value === null ? 0 : 1 << at), 0)),
      }),
    );
  const waits = (values: (number | null)[]) => vectorFromArray(values, new Float64());
  return new Table({
    span_id: text(rows.map((row) => id(row.id))),
    parent_span_id: text(rows.map(({ parent }) => (parent === undefined ? null : id(parent)))),
    name: category(rows.map(({ name = "work" }) => name)),
    type: category(rows.map(() => "attempt")),
    start_time: times(rows.map((row) => baseNs + BigInt(row.id))),
    end_time: times(rows.map(({ end = 900 }) => (end === null ? null : baseNs + BigInt(end)))),
    status: category(rows.map(() => "UNSET")),
    outcome: category(rows.map(({ outcome = "success" }) => outcome)),
    attempt: vectorFromArray(
      rows.map(() => 1),
      new Uint32(),
    ),
    blocked_ms: waits(rows.map(() => null)),
    queued_ms: waits(rows.map(({ queuedMs = null }) => queuedMs)),
    backoff_ms: waits(rows.map(() => null)),
  }).batches[0]!;
}

/** A session over batches in place of a server, and what it told. */
async function opened(...batches: readonly RecordBatch[]) {
  const news: WaterfallNews[] = [];
  const stream = async function* () {
    yield* batches;
  };
  const client = { spans: () => ({ columns: () => ({ stream }) }) } as unknown as QueryClient;
  const session = new WaterfallSession({
    client: () => client,
    tell: (each) => news.push(each),
    nowMs: () => Number(baseNs / 1_000_000n) + 5_000,
    schedule: () => undefined,
  });
  await session.handle({ kind: "open", jobId: "j", url: "", token: "", live: false });
  const drawn = () => news.findLast((each) => each.kind === "drawing")!.drawing;
  return { session, news, drawn };
}

it("reads batches whose dictionaries differ, to the nanosecond", async () => {
  const { drawn, news } = await opened(
    batchOf({ id: 0, name: "first", end: 901 }, { id: 3, parent: 1, name: "second", outcome: "timeout" }),
    batchOf({ id: 1, parent: 0, name: "second", queuedMs: 2.5 }),
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
  const open = batchOf({ id: 0, end: null, outcome: "" });
  const { drawn } = await opened(open);
  expect([drawn().counts.open, drawn().whole.to > 4e9, drawn().lines.end[0]]).toEqual([1, true, Number.NaN]);
  const later = await opened(open, batchOf({ id: 0, end: 50 }));
  expect([later.drawn().counts, later.drawn().whole.to]).toEqual([{ spans: 1, errors: 0, open: 0 }, 50]);
});

it("folds by span and by name, and unfolds what hides a span that is looked for", async () => {
  const { session, drawn, news } = await opened(
    batchOf({ id: 0, name: "root" }, { id: 1, parent: 0, name: "mid" }, { id: 2, parent: 1, name: "leaf" }),
  );
  await session.handle({ kind: "foldName", name: 1 });
  expect(drawn().lines.count).toBe(2);
  await session.handle({ kind: "fold", row: 0 });
  expect(drawn().lines.count).toBe(1);
  await session.handle({ kind: "search", search: { text: "leaf", errors: false } });
  expect(news.at(-1)).toEqual({ kind: "found", positions: Int32Array.of(2) });
  await session.handle({ kind: "reveal", target: { spanId: id(2) } });
  expect([drawn().lines.count, news.at(-1)]).toEqual([3, { kind: "revealed", line: 2 }]);
  await session.handle({ kind: "reveal", target: { spanId: id(77) } });
  expect(news.at(-1)).toEqual({ kind: "revealed", line: -1 });
});

it("a job without spans is drawn as nothing, and a failure is told", async () => {
  const { drawn } = await opened();
  expect([drawn().lines.count, drawn().counts.spans]).toEqual([0, 0]);
  const { news } = await opened(new Table({ span_id: vectorFromArray(["x"], new Utf8()) }).batches[0]!);
  expect(news.at(-1)).toMatchObject({ kind: "failed", message: expect.stringContaining('"start_time"') });
});
