import { describe, expect, it } from "vitest";
import { backoffMs } from "./backoff.ts";
import { Poller } from "./poller.ts";

/** A poller whose questions and waits a test answers one by one. */
function pollerOf() {
  const questions: { signal: AbortSignal; answer: PromiseWithResolvers<string> }[] = [];
  const waits: { delayMs: number; end: () => void; cancelled: boolean }[] = [];
  const told: unknown[] = [];
  const clock = { nowMs: 0 };
  const poller = new Poller<string>({
    load: (signal) => {
      const answer = Promise.withResolvers<string>();
      questions.push({ signal, answer });
      return answer.promise;
    },
    everyMs: 2_000,
    onValue: (value) => told.push(value),
    onError: (error) => told.push(String(error)),
    schedule: (end, delayMs) => {
      const wait = { delayMs, end, cancelled: false };
      waits.push(wait);
      return () => {
        wait.cancelled = true;
      };
    },
    random: () => 0,
    nowMs: () => clock.nowMs,
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { poller, questions, waits, told, clock, settled };
}

describe("what is asked for again and again", () => {
  it("is asked at its interval, one question at a time (I1)", async () => {
    const { poller, questions, waits, told, settled } = pollerOf();
    poller.start();
    expect([questions.length, waits.length]).toEqual([1, 0]);
    questions[0]?.answer.resolve("a");
    await settled();
    expect([told, waits.map(({ delayMs }) => delayMs)]).toEqual([["a"], [2_000]]);
    waits[0]?.end();
    expect(questions.length).toBe(2);
  });

  it("is asked less often where answers take long, and no less than once a minute (I3)", async () => {
    const { poller, questions, waits, clock, settled } = pollerOf();
    poller.start();
    for (const [at, tookMs] of [150, 400, 20_000, 10].entries()) {
      clock.nowMs += tookMs;
      questions[at]?.answer.resolve("a");
      await settled();
      waits[at]?.end();
    }
    expect(waits.map(({ delayMs }) => delayMs)).toEqual([2_000, 4_000, 60_000, 2_000]);
  });

  it("is asked later and later while it fails, and at its interval after", async () => {
    const { poller, questions, waits, told, settled } = pollerOf();
    poller.start();
    for (let at = 0; at < 3; at++) {
      questions[at]?.answer.reject(new Error("away"));
      await settled();
      waits[at]?.end();
    }
    questions[3]?.answer.resolve("back");
    await settled();
    expect(waits.map(({ delayMs }) => delayMs)).toEqual([500, 1_000, 2_000, 2_000]);
    expect(told).toEqual(["Error: away", "Error: away", "Error: away", "back"]);
    waits[3]?.end();
    questions[4]?.answer.reject(new Error("away"));
    await settled();
    expect(waits[4]?.delayMs).toBe(500);
  });

  it("is asked at once after a failure when the server is back, and only then", async () => {
    const { poller, questions, waits, settled } = pollerOf();
    poller.start();
    poller.hurry();
    questions[0]?.answer.resolve("a");
    await settled();
    poller.hurry();
    expect(questions.length).toBe(1);
    waits[0]?.end();
    questions[1]?.answer.reject(new Error("away"));
    await settled();
    poller.hurry();
    poller.hurry();
    expect([questions.length, waits[1]?.cancelled]).toEqual([3, true]);
  });

  it("is asked anew by a refresh, and what was under way is dropped", async () => {
    const { poller, questions, told, settled } = pollerOf();
    poller.start();
    poller.refresh();
    expect(questions[0]?.signal.aborted).toBe(true);
    questions[1]?.answer.resolve("new");
    await settled();
    questions[0]?.answer.resolve("old");
    await settled();
    expect(told).toEqual(["new"]);
  });

  it("rests while nobody looks, and is asked at once when somebody does (I4)", async () => {
    const { poller, questions, waits, settled } = pollerOf();
    poller.start();
    poller.pause();
    questions[0]?.answer.resolve("a");
    await settled();
    expect(waits).toEqual([]);
    poller.resume();
    poller.resume();
    expect(questions.length).toBe(2);
    questions[1]?.answer.resolve("b");
    await settled();
    poller.pause();
    expect(waits[0]?.cancelled).toBe(true);
  });

  it("tells nobody after its stop (I2)", async () => {
    const { poller, questions, waits, told, settled } = pollerOf();
    poller.start();
    poller.stop();
    poller.refresh();
    questions[0]?.answer.resolve("late");
    await settled();
    expect([questions.length, questions[0]?.signal.aborted, waits, told]).toEqual([1, true, [], []]);
  });
});

it("waits double up to a quarter of a minute, less up to a half by chance", () => {
  expect([1, 2, 5, 6, 1_000].map((failures) => backoffMs(failures, () => 0))).toEqual([
    500, 1_000, 8_000, 15_000, 15_000,
  ]);
  expect(backoffMs(6, () => 0.9999)).toBe(7_501);
});
