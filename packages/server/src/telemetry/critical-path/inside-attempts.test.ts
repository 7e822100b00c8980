import { attemptSpanId } from "@spanloom/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attribute, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import type { Segment } from "./critical-path.ts";
import { insideAttempts } from "./inside-attempts.ts";
import { type PathSpans, SpanIndex } from "./path-spans.ts";
import { playedJobs } from "./testing/played-jobs.ts";

/** A span by its row's number: which row it lies below, and when. */
type Sketch = readonly [below: number, fromUs: number, toUs: number];

/** Rows of path spans; the first is of an attempt. */
function pathSpans(sketches: readonly Sketch[]): PathSpans {
  const ids = (rows: readonly number[]) => new Uint8Array(BigUint64Array.from(rows, (row) => BigInt(row + 1)).buffer);
  const spanIds = ids(sketches.map((_, row) => row));
  const us = (at: 1 | 2) => Float64Array.from(sketches, (sketch) => (sketch[at] < 0 ? Number.NaN : sketch[at]));
  return {
    rows: sketches.length,
    spanIds,
    parentIds: ids(sketches.map(([below]) => below)),
    index: new SpanIndex(spanIds),
    times: { start_us: us(1), end_us: us(2) },
  } as unknown as PathSpans;
}

const inside = (sketches: readonly Sketch[], segment: Partial<Segment> = {}) => {
  const [, fromUs, toUs] = sketches[0]!;
  return insideAttempts([{ row: 0, kind: "running", fromUs, toUs, depth: 1, ...segment }], {
    spans: pathSpans(sketches),
    userRow: 1,
    startUs: 0,
  });
};
const short = (segments: readonly Segment[]) =>
  segments.map(({ row, fromUs, toUs, depth }) => `${row} at ${depth}: ${fromUs}..${toUs}`);

describe("the path inside attempts", () => {
  it("leads into the span that ended last, and what lies between is its parent's own", () => {
    const spans = [
      [-2, 0, 100],
      [0, 10, 40],
      [1, 20, 30],
      [0, 50, 90],
    ] as const;
    expect(short(inside(spans))).toEqual([
      "0 at 1: 0..10",
      "1 at 2: 10..20",
      "2 at 3: 20..30",
      "1 at 2: 30..40",
      "0 at 1: 40..50",
      "3 at 2: 50..90",
      "0 at 1: 90..100",
    ]);
  });

  it("leads from spans at the same time to the one that ended last, and before its start to the other", () => {
    const spans = [
      [-2, 0, 20],
      [0, 0, 10],
      [0, 5, 12],
      [0, 1, 4],
    ] as const;
    expect(short(inside(spans))).toEqual(["1 at 2: 0..5", "2 at 2: 5..12", "0 at 1: 12..20"]);
  });

  it("takes an open span for as long as an open attempt, and leaves it out of one that ended", () => {
    expect(short(inside([[-2, 0, -1], [0, 5, -1]], { toUs: 20 }))).toEqual(["0 at 1: 0..5", "1 at 2: 5..20"]); // biome-ignore format: one line each
    expect(short(inside([[-2, 0, 20], [0, 5, -1], [0, 6, 7]]))).toEqual(["0 at 1: 0..6", "2 at 2: 6..7", "0 at 1: 7..20"]); // biome-ignore format: one line each
  });

  it("sums to what the attempt took, whatever its spans say", () => {
    const time = fc.oneof({ weight: 9, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.constant(-1) });
    const odd = fc.array(fc.tuple(fc.nat(99), fc.nat(40), time), { minLength: 3, maxLength: 12, size: "max" });
    const seen = { inner: 0 };
    fc.assert(
      fc.property(odd, fc.nat(20), fc.integer({ min: 1, max: 60 }), (users, fromUs, lasts) => {
        const attempt: Sketch = [-2, fromUs, fromUs + lasts];
        // Most lie below an earlier one; some below a later one, themselves or none.
        const placed = users.map(
          ([below, ...times], i): Sketch => [below < 90 ? below % (i + 1) : below - 88, ...times],
        );
        const found = inside([attempt, ...placed]);
        let atUs = fromUs;
        for (const { row, fromUs: from, toUs: to } of found) {
          expect(from).toBe(atUs);
          expect(to).toBeGreaterThan(from);
          if (row > 0) {
            const [, start, end] = users[row - 1]!;
            expect(from >= start && (end < 0 || to <= end)).toBe(true);
            seen.inner++;
          }
          atUs = to;
        }
        expect(atUs).toBe(fromUs + lasts);
      }),
      { numRuns: 2_000 },
    );
    expect(seen.inner).toBeGreaterThan(500);
  });

  it("goes through spans that nest or follow each other a hundred thousand times", () => {
    const count = 100_000;
    const nested = Array.from({ length: count }, (_, i): Sketch => [i - 1 || (i === 0 ? -2 : 0), i, 2 * count - i]);
    expect(inside(nested)).toHaveLength(2 * count - 1);
    const chain = Array.from({ length: count }, (_, i): Sketch => (i === 0 ? [-2, 0, count] : [0, i - 1, i]));
    expect(inside(chain)).toHaveLength(count);
  });

  it("is asked for, and sums to the job's duration then, too", async () => {
    await using jobs = await playedJobs(async (driver) => {
      await driver.submit({ name: "load" });
      driver.clock.advance(3);
      const lease = await driver.claimOne();
      driver.clock.advance(20);
      await driver.succeed(lease);
    });
    const { driver, telemetry } = jobs;
    const jobId = driver.jobIds[0]!;
    const [task] = await driver.tasks(jobId);
    const { leasedAtUs } = task!.attempts[0]!;
    const attempt = Buffer.from(attemptSpanId(task!.id, 1), "hex");
    const user = (n: number, name: string, parentSpanId: Uint8Array, [fromMs, toMs]: readonly [number, number]) =>
      span(n, {
        name,
        traceId: Buffer.from(jobId.replaceAll("-", ""), "hex"),
        spanId: Buffer.from(`00000000000000a${n}`, "hex"),
        parentSpanId,
        startTimeUnixNano: BigInt(leasedAtUs + fromMs * 1000) * 1000n,
        endTimeUnixNano: BigInt(leasedAtUs + toMs * 1000) * 1000n,
        attributes: [
          attribute("spanloom.job.id", jobId),
          attribute("spanloom.task.id", task!.id),
          attribute("spanloom.task.name", "load"),
          attribute("spanloom.task.attempt", 1n),
        ],
      });
    const outer = user(1, "download", attempt, [2, 12]);
    const bytes = tracePayload([outer, user(2, "read", outer.spanId!, [4, 10])]);
    await telemetry.ingest([{ signal: "traces", bytes }]);
    const path = async (userSpans: boolean) =>
      rowsOf(...(await jobs.ask(jobId, userSpans))).map(
        ({ kind, depth, type, name, duration_ns: ns, attempt: number }) =>
          `${kind} ${depth} ${type} ${name} ${number} ${Number(ns as bigint) / 1e6}`,
      );
    expect(await path(false)).toEqual(["queued 1 task task load null 3", "running 1 attempt load 1 20"]);
    expect(await path(true)).toEqual([
      "queued 1 task task load null 3",
      "running 1 attempt load 1 2",
      "running 2 user download 1 2",
      "running 3 user read 1 6",
      "running 2 user download 1 2",
      "running 1 attempt load 1 8",
    ]);
  });
});
