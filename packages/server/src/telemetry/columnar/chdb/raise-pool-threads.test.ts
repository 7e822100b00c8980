import { getPriority } from "node:os";
import { describe, expect, it } from "vitest";
import { startNicerThread } from "../../testing/nicer-thread.ts";
import { maySetNice } from "../../testing/thread-nices.ts";
import { raisePoolThreads } from "./raise-pool-threads.ts";

describe.runIf(process.platform === "linux" && maySetNice() && getPriority() === 0)(
  "raising the pool's threads",
  () => {
    it.each(["ThreadPool", "QueryPullPipeEx", "QueryPipelineEx"])("gives %s the priority of queries", async (name) => {
      await using thread = await startNicerThread(name, 10);
      expect(getPriority(thread.id)).toBe(10);
      raisePoolThreads();
      expect(getPriority(thread.id)).toBe(0);
    });

    it.each([
      ["of merges", "MergeMutate", 10],
      ["that decode", "decode", 10],
      ["that somebody else made nicer", "ThreadPool", 5],
    ])("leaves threads alone %s", async (_, name, nice) => {
      await using thread = await startNicerThread(name, nice);
      raisePoolThreads();
      expect(getPriority(thread.id)).toBe(nice);
    });
  },
);
