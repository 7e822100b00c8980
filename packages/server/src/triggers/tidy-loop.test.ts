import { expect, it } from "vitest";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import { TidyLoop } from "./tidy-loop.ts";
import { TriggerStats } from "./trigger-stats.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it("old events are forgotten at the start and every ten minutes, in steps, also after a failure", async () => {
  const clock = new ManualClock();
  const asked: number[] = [];
  const answers: (number | Error)[] = [1_000, 3, 0, new Error("busy"), 0];
  const log: string[] = [];
  const stats = new TriggerStats();
  const triggers = {
    async tidy(beforeUs: number) {
      asked.push(clock.nowUs() - beforeUs);
      const answer = answers.shift() ?? 0;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const loop = new TidyLoop({ triggers, clock, eventRetentionDays: 2, stats, log: (line) => log.push(line) });
  loop.start();
  loop.start();
  await settle();
  expect(asked).toEqual(new Array(3).fill(2 * 86_400_000_000));
  for (let pass = 0; pass < 2; pass++) {
    clock.advance(600_000);
    await settle();
  }
  expect(asked).toHaveLength(5);
  expect(log).toEqual([expect.stringContaining("busy")]);
  expect(stats.failures).toBe(1);
  await loop.stop();
  await loop.stop();
  expect(clock.pending).toBe(0);
});
