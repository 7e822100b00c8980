import type { QueryClient } from "@spanloom/query";
import { type RecordBatch, Table, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { sampleBaseNs, sampleBatch, sampleId } from "../waterfall/testing/sample-batch.ts";
import { type FlameNews, runFlame } from "./flame-session.ts";
import { nodeOfPath } from "./node-path.ts";

/** What is told of batches in place of a server's; between them everything happens that was put off. */
async function told(live: boolean, ...batches: readonly RecordBatch[]): Promise<FlameNews[]> {
  const news: FlameNews[] = [];
  const waiting = new Set<() => void>();
  const stream = async function* () {
    for (const batch of batches) {
      yield batch;
      for (const callback of [...waiting]) {
        waiting.delete(callback);
        callback();
      }
    }
  };
  const query = { stream, tail: () => ({ stream }) };
  await runFlame(
    { jobId: "j", url: "", token: "", live },
    {
      client: () => ({ spans: () => ({ columns: () => query }) }) as unknown as QueryClient,
      tell: (each) => news.push(each),
      nowMs: () => Number(sampleBaseNs / 1_000_000n) + 1,
      schedule: (callback) => {
        waiting.add(callback);
        return () => waiting.delete(callback);
      },
    },
  );
  expect(waiting.size).toBe(0);
  return news;
}

function lastDrawing(news: readonly FlameNews[]) {
  return news.findLast((each) => each.kind === "drawing")!.drawing;
}

describe("the flame chart of a job", () => {
  const batches = [
    sampleBatch({ id: 0, name: "root", end: 100 }, { id: 10, parent: 0, name: "leaf", end: 30 }),
    sampleBatch({ id: 40, parent: 0, name: "leaf", end: 90, status: "ERROR" }),
  ];

  it("is drawn again as spans come, and told to be whole at the end", async () => {
    const news = await told(false, ...batches);
    expect(news.map(({ kind }) => kind)).toEqual(["drawing", "drawing", "drawing", "complete"]);
    const { flame, names, spans, named } = lastDrawing(news);
    expect([spans, named, flame.count]).toEqual([3, 2, 3]);
    expect([...flame.name].slice(1).map((name) => names[name])).toEqual(["root", "leaf"]);
    expect([[...flame.self], [...flame.errors]]).toEqual([
      [0, 30, 70],
      [0, 0, 1],
    ]);
  });

  it("is drawn without waiting for further spans, and again while spans are open", async () => {
    const open = sampleBatch({ id: 0, name: "root", end: null });
    const news = await told(true, open);
    const drawings = news.filter((each) => each.kind === "drawing").map(({ drawing }) => drawing.flame.open[1]);
    expect([drawings, news.at(-1)?.kind]).toEqual([[1, 1], "complete"]);
    expect(lastDrawing(news).flame.total[1]).toBe(543_211);
  });

  it("names the span that took longest, of a node and of a name", async () => {
    const { sums, longestHigh, longestLow, flame } = lastDrawing(await told(true, ...batches));
    expect(sums.map(({ longestId }) => longestId)).toEqual([sampleId(40), sampleId(0)]);
    const leaf = flame.firstChild[1]!;
    expect([longestHigh[leaf]!.toString(16), longestLow[leaf]!.toString(16)]).toEqual(["feed0000", "28"]);
  });

  it("finds what was zoomed into by its names, or the last of them that there is", async () => {
    const drawing = lastDrawing(await told(false, ...batches));
    const leaf = drawing.flame.firstChild[1]!;
    expect([["root", "leaf"], ["root", "gone", "leaf"], []].map((path) => nodeOfPath(drawing, path))).toEqual([
      leaf,
      1,
      0,
    ]);
  });

  it("of no spans is empty, and what goes wrong is told", async () => {
    expect(lastDrawing(await told(false)).spans).toBe(0);
    const broken = new Table({ span_id: vectorFromArray(["x"], new Utf8()) }).batches[0]!;
    expect((await told(false, broken)).at(-1)).toMatchObject({
      kind: "failed",
      message: expect.stringContaining(`"start_time"`),
    });
  });
});
