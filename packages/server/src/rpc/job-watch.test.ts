import { create } from "@bufbuild/protobuf";
import { defaultLimits, JobState, WaitJobsRequestSchema } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import type { JobRecord } from "../store/store.ts";
import { JobChanges } from "./job-changes.ts";
import { jobStreams } from "./job-watch.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { storeStub } from "./testing/stubs.ts";

const idOf = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;

/** Ended jobs 1, 2, ... whose only outputs have these sizes. */
function endedJobs(sizes: readonly number[]): JobRecord[] {
  return sizes.map((size, i) => ({
    id: idOf(i + 1),
    name: "job",
    state: JobState.SUCCEEDED,
    tags: {},
    queue: "default",
    priority: 0,
    counts: {
      ...{ blocked: 0, scheduled: 0, queued: 0, running: 0, waiting: 0 },
      ...{ succeeded: 1, failed: 0, cancelled: 0, skipped: 0 },
    },
    attempts: 1,
    progress: [],
    createdAtUs: 1,
    idempotencyKey: "",
    trace: { traceId: "", parentSpanId: "", tracestate: "", baggage: "", sampled: true },
    outputs: [new Uint8Array(size)],
  }));
}

async function wait(sizes: readonly number[], includeOutputs: boolean): Promise<string[]> {
  const jobs = endedJobs(sizes);
  const store = storeStub({
    async getJobs(ids, options) {
      const found = jobs.filter(({ id }) => ids.includes(id));
      return options.includeOutputs ? found : found.map(({ outputs: _left, ...job }) => job);
    },
  });
  const limits = { ...defaultLimits, maxResponseBytes: 100 };
  const streams = jobStreams({ store, clock: new ManualClock(), limits, changes: new JobChanges(store) });
  const request = create(WaitJobsRequestSchema, { jobIds: jobs.map(({ id }) => id), includeOutputs });
  const answer = await streams.waitJobs(request, { signal: new AbortController().signal, timeoutMs: () => undefined });
  return answer.jobs.map(({ id }) => id);
}

describe("WaitJobs", () => {
  it("answers as many ended jobs as fit, and leaves the others to the next call", async () => {
    expect(await wait([50, 50, 1], true)).toEqual([idOf(1), idOf(2)]);
  });

  it("answers one job however large its outputs are", async () => {
    expect(await wait([500, 1], true)).toEqual([idOf(1)]);
  });

  it("answers all ended jobs when outputs were not asked for", async () => {
    expect(await wait([500, 500, 500], false)).toHaveLength(3);
  });
});
