import { create } from "@bufbuild/protobuf";
import { JobSchema, JobState } from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toasts } from "../../state/toasts.ts";
import { chosenJobs, forEachJob, showTally } from "./many-jobs.ts";

const jobs = [JobState.RUNNING, JobState.QUEUED, JobState.FAILED, JobState.SUCCEEDED, JobState.CANCELLING].map(
  (state, at) => create(JobSchema, { id: String(at), state }),
);
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).join();

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  toasts.set([]);
  vi.useRealTimers();
});

describe("many jobs at once", () => {
  it("are those chosen among the shown, by what can be done to them", () => {
    const { all, running, failed } = chosenJobs(jobs, new Set(["4", "0", "2", "3", "gone"]));
    expect([ids(all), ids(running), ids(failed)]).toEqual(["0,2,3,4", "0,4", "2"]);
  });

  it("are dealt with some at a time, each once, also when some fail", async () => {
    const many = Array.from({ length: 40 }, (_, at) => create(JobSchema, { id: String(at) }));
    let under = 0;
    let most = 0;
    const seen = new Set<string>();
    const { done, problems } = await forEachJob(many, async ({ id }) => {
      most = Math.max(most, ++under);
      seen.add(id);
      await Promise.resolve();
      under--;
      if (id === "7") throw new Error("it is gone");
    });
    expect([seen.size, done, problems.length]).toEqual([40, 39, 1]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThan(10);
  });

  it("are told of in one message", () => {
    showTally("Cancelled", { done: 1, problems: [] });
    showTally("Retried", { done: 1_200, problems: [new Error("it is gone"), new Error("no")] });
    expect(toasts.get().map(({ tone, text }) => [tone, text])).toEqual([
      ["good", "Cancelled 1 job"],
      ["bad", "Retried 1,200 jobs; 2 jobs could not be: it is gone"],
    ]);
  });
});
