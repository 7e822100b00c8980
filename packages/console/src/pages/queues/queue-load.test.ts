import { create } from "@bufbuild/protobuf";
import { QueueStatsSchema, RunnerSchema, RunnerState, timestampFromUs } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { queueLoads, totalLoad } from "./queue-load.ts";

const queue = (name: string, queued: number, running = 0, oldestMs?: number) =>
  create(QueueStatsSchema, {
    queue: name,
    queued: BigInt(queued),
    running: BigInt(running),
    ...(oldestMs !== undefined && { oldestQueuedAt: timestampFromUs(oldestMs * 1_000)! }),
  });
const runner = (queues: string[], capacity: number, state: RunnerState = RunnerState.ACTIVE) =>
  create(RunnerSchema, { queues, capacity, state });

describe("the load of queues", () => {
  it("is told by name, with what waits first, and what nobody leases before all", () => {
    const runners = [runner(["a", "busy"], 4), runner(["busy"], 6), runner(["left"], 2, RunnerState.DRAINING)];
    const queues = [queue("b", 0), queue("busy", 7), queue("a", 0), queue("left", 2), queue("orphan", 1)];
    expect(queueLoads(queues, runners).map(({ stats, capacity, stuck }) => [stats.queue, capacity, stuck])).toEqual([
      ["left", 0, "its runners are draining"],
      ["orphan", 0, "no runner serves it"],
      ["busy", 10, undefined],
      ["a", 4, undefined],
      ["b", 0, undefined],
    ]);
  });

  it("is summed up with the capacity of runners that lease, each counted once", () => {
    const runners = [runner(["a", "b"], 4), runner(["b"], 2, RunnerState.DRAINING)];
    const queues = [queue("a", 3, 1, 2_000), queue("b", 4, 2, 1_000), queue("c", 0)];
    expect(totalLoad(queues, runners)).toEqual({
      queued: 7,
      running: 3,
      capacity: 4,
      runners: 1,
      draining: 1,
      oldestMs: 1_000,
    });
    expect(totalLoad([], []).oldestMs).toBeUndefined();
  });
});
