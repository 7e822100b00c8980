import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { HeartbeatResponseSchema, type TaskService } from "@spanloom/protocol";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AttemptPool } from "./attempt-pool.ts";
import { Heartbeat } from "./heartbeat.ts";
import { RunnerStats } from "./metrics/runner-stats.ts";

const LEASE_MS = 1_000;
const INTERVAL_MS = Math.floor(LEASE_MS / 3);

let beats: { atMs: number; timeoutMs: number | undefined }[];
let answerAfterMs: (beat: number) => number;
let fails: (beat: number) => boolean;
let heartbeat: Heartbeat;
let intervalMs: number;
let held: Set<object>;
let isPolling: boolean;

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  startedAtMs = performance.now();
  beats = [];
  answerAfterMs = () => 0;
  fails = () => false;
  intervalMs = INTERVAL_MS;
  held = new Set();
  isPolling = true;
  const service = {
    heartbeat: async (_: unknown, options: { timeoutMs?: number } = {}) => {
      const beat = beats.push({ atMs: performance.now(), timeoutMs: options.timeoutMs }) - 1;
      await new Promise((resolve) => setTimeout(resolve, answerAfterMs(beat)));
      if (fails(beat)) throw new Error("no answer");
      return create(HeartbeatResponseSchema, {});
    },
  };
  heartbeat = new Heartbeat({
    service: service as unknown as Client<typeof TaskService>,
    url: "http://server",
    runnerId: "runner",
    pool: { held } as unknown as AttemptPool,
    unreported: () => [],
    closedSpans: undefined,
    get intervalMs() {
      return intervalMs;
    },
    isPolling: () => isPolling,
    nowUs: () => performance.now() * 1000,
    heard: () => undefined,
    tick: () => undefined,
    drained: () => undefined,
    stats: new RunnerStats(),
    log: () => undefined,
  });
  heartbeat.start();
});
afterEach(() => {
  heartbeat.stop();
  vi.useRealTimers();
});

let startedAtMs: number;

/** Longest time between two calls, the start included. */
const longestGapMs = (): number =>
  Math.max(...beats.map(({ atMs }, index) => atMs - (index === 0 ? startedAtMs : beats[index - 1]!.atMs)));
it("beats at once, so that the server knows the runner's clock", async () => {
  await vi.advanceTimersByTimeAsync(1);
  expect(beats).toHaveLength(1);
});

it("beats an interval after the last began, however long its answer took", async () => {
  answerAfterMs = () => INTERVAL_MS - 1;
  await vi.advanceTimersByTimeAsync(10 * INTERVAL_MS);
  expect(beats).toHaveLength(11);
  expect(longestGapMs()).toBe(INTERVAL_MS);
});

it("beats again at once after an answer that took longer than the interval", async () => {
  answerAfterMs = (beat) => (beat === 0 ? 2 * INTERVAL_MS - 1 : 0);
  await vi.advanceTimersByTimeAsync(4 * INTERVAL_MS);
  expect(longestGapMs()).toBeLessThan(LEASE_MS);
});

it("beats again after a quarter of the interval when a call failed, within the lease", async () => {
  fails = (beat) => beat === 1;
  await vi.advanceTimersByTimeAsync(4 * INTERVAL_MS);
  expect(beats[2]!.atMs - beats[1]!.atMs).toBeLessThanOrEqual(INTERVAL_MS / 4 + 1);
});

it("beats every second while an attempt runs and no poll waits, which would tell of cancellations", async () => {
  intervalMs = 5_000;
  held.add({ task: {} });
  isPolling = false;
  await vi.advanceTimersByTimeAsync(3_010);
  expect(beats).toHaveLength(4);

  isPolling = true;
  await vi.advanceTimersByTimeAsync(4_990);
  expect(beats).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(10);
  expect(beats).toHaveLength(5);
});

it("beats no faster while nothing runs", async () => {
  intervalMs = 5_000;
  isPolling = false;
  await vi.advanceTimersByTimeAsync(4_990);
  expect(beats).toHaveLength(1);
});

it("gives every call a deadline that is a whole number and shorter than the lease", async () => {
  await vi.advanceTimersByTimeAsync(2 * INTERVAL_MS);
  for (const { timeoutMs } of beats) {
    expect(Number.isInteger(timeoutMs)).toBe(true);
    expect(timeoutMs).toBeLessThan(LEASE_MS);
  }
});

it("stops", async () => {
  heartbeat.stop();
  await vi.advanceTimersByTimeAsync(10 * INTERVAL_MS);
  expect(beats).toEqual([]);
});
