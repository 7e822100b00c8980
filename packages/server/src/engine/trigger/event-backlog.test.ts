import { expect, test } from "vitest";
import { EventBacklog } from "./event-backlog.ts";

function backlogOf(counts: number[]) {
  const asked: number[] = [];
  const time = { nowUs: 0 };
  const triggers = {
    eventBacklog: async () => {
      asked.push(time.nowUs);
      return { count: counts.shift() ?? 0, oldestUs: undefined };
    },
  };
  return { backlog: new EventBacklog({ triggers, nowUs: () => time.nowUs, maxWaiting: 10 }), asked, time };
}

test("events are refused while more wait than may, with a time to wait", async () => {
  const { backlog, time } = backlogOf([10, 11, 3]);
  await backlog.check();
  time.nowUs += 1_000_000;
  await expect(backlog.check()).rejects.toMatchObject({
    reason: "OVERLOADED",
    message: "cannot publish: 11 events wait to be matched, limit 10",
    facts: { limit: 10, actual: 11, retryAfterMs: 5_000 },
  });
  time.nowUs += 1_000_000;
  await backlog.check();
});

test("the store is asked once a second, however many publish", async () => {
  const { backlog, asked, time } = backlogOf([0, 0]);
  await Promise.all([backlog.check(), backlog.check(), backlog.check()]);
  time.nowUs += 999_999;
  await backlog.check();
  expect(asked).toEqual([0]);
  time.nowUs += 1;
  await backlog.check();
  expect(asked).toEqual([0, 1_000_000]);
});

test("a clock that is set back is no reason to believe a count for ever", async () => {
  const { backlog, asked, time } = backlogOf([0, 0]);
  await backlog.check();
  time.nowUs -= 3_600_000_000;
  await backlog.check();
  expect(asked).toHaveLength(2);
});
