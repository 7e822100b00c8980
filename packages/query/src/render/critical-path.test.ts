import { createRouterTransport } from "@connectrpc/connect";
import { QueryService } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { QueryClient } from "../query-client.ts";
import { type SampleSegment, samplePath, samplePathChunk } from "../testing/sample-path.ts";
import { sampleJobId } from "../testing/sample-spans.ts";
import { renderCriticalPath } from "./critical-path.ts";
import { cellWidth } from "./text-width.ts";

const path: readonly SampleSegment[] = [
  { kind: "queued", ms: 12, name: "task fetch" },
  { kind: "running", ms: 600, name: "fetch", attempt: 1, outcome: "timeout" },
  { kind: "backoff", ms: 250, name: "task fetch" },
  { kind: "queued", ms: 3, name: "task fetch" },
  { kind: "running", ms: 480, name: "fetch", attempt: 2 },
  { kind: "running", ms: 700, name: "parse", attempt: 1, depth: 2 },
  { kind: "blocked", ms: 40, name: "task 漢字\u001b[31m store", depth: 2 },
  { kind: "overhead", ms: 5, name: "job audit", depth: 0 },
];

function clientOf(...chunks: ReturnType<typeof samplePathChunk>[]): { client: QueryClient; asked: string[] } {
  const asked: string[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(QueryService, {
      async *getCriticalPath({ jobId }) {
        asked.push(jobId);
        for (const chunk of chunks) yield { chunk };
      },
    });
  });
  return { client: new QueryClient({ transport }), asked };
}

describe("criticalPath", () => {
  it("gives typed segments that follow each other, over any number of batches", async () => {
    const { client, asked } = clientOf(samplePathChunk(path.slice(0, 3)), samplePathChunk(path.slice(3)));
    const segments = await client.criticalPath(sampleJobId).segments();
    expect(asked).toEqual([sampleJobId]);
    expect(segments.map(({ durationNs }) => durationNs / 1e6)).toEqual(path.map(({ ms }) => ms));
    expect(segments[1]).toEqual({
      kind: "running",
      startNs: 1_767_225_600_012_000_000n,
      durationNs: 600e6,
      depth: 1,
      type: "attempt",
      name: "fetch",
      outcome: "timeout",
      spanId: "0000000000000002",
      taskId: sampleJobId,
      attempt: 1,
      queue: "default",
      runnerId: "runner",
    });
    expect(segments.at(-1)).toMatchObject({ type: "job", depth: 0, taskId: undefined, attempt: undefined });
    const frame = await client.criticalPath(sampleJobId).toDataFrame();
    expect(frame.numRows()).toBe(path.length);
  });

  it("gives no segments for a job that took no time", async () => {
    const { client } = clientOf(samplePathChunk([]));
    expect(await client.criticalPath(sampleJobId).segments()).toEqual([]);
  });
});

describe("renderCriticalPath", () => {
  it("reads as it always did", async () => {
    await expect(`${renderCriticalPath(samplePath(path))}\n`).toMatchFileSnapshot("../../testdata/critical-path.txt");
  });

  it("keeps within its width, and counts what it leaves out", () => {
    for (const width of [60, 61, 200]) {
      const lines = renderCriticalPath(samplePath(path), { width, maxRows: 3 }).split("\n");
      for (const line of lines) expect(cellWidth(line)).toBeLessThanOrEqual(width);
      expect(lines.filter((line) => line.startsWith("running"))).toHaveLength(3);
      expect(lines.filter((line) => line.startsWith("… "))).toEqual(["… 1 shorter", "… 2 shorter", "… 2 shorter"]);
    }
  });

  it("colours by what the time went to, and lets no name steer the terminal", () => {
    const coloured = renderCriticalPath(samplePath(path), { color: true });
    expect(coloured).toContain("\u001b[32mrunning");
    expect(coloured).not.toContain("\u001b[31m store");
  });

  it("says so when there is nothing to draw, and refuses rows that are no number", () => {
    expect(renderCriticalPath(samplePath([]))).toBe("the job took no time");
    expect(() => renderCriticalPath(samplePath(path), { maxRows: 0 })).toThrow(
      /maxRows 0 is not a whole number from 1/,
    );
  });
});
