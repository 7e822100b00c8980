import { setImmediate as nextTurn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  defaultLimits,
  durationFromMs,
  JobState,
  WaitJobsRequestSchema,
  WatchJobRequestSchema,
} from "@spanloom/protocol";
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

function setUp(jobs: JobRecord[], maxResponseBytes = 100) {
  const store = storeStub({
    async jobStates(ids) {
      return new Map(jobs.filter(({ id }) => ids.includes(id)).map(({ id, state }) => [id, state]));
    },
    async getJobs(ids, { includeOutputs, maxOutputBytes = Number.POSITIVE_INFINITY }) {
      const found = jobs.filter(({ id }) => ids.includes(id));
      return found.map((job) => {
        const { outputs, ...rest } = job;
        return includeOutputs && (outputs?.[0]?.length ?? 0) <= maxOutputBytes ? job : rest;
      });
    },
  });
  const limits = { ...defaultLimits, maxResponseBytes };
  const changes = new JobChanges(store);
  changes.start();
  return { store, ...jobStreams({ store, clock: new ManualClock(), limits, changes }) };
}

const context = { signal: new AbortController().signal, timeoutMs: () => undefined };

async function wait(sizes: readonly number[], includeOutputs: boolean): Promise<JobRecord["id"][]> {
  const jobs = endedJobs(sizes);
  const request = create(WaitJobsRequestSchema, { jobIds: jobs.map(({ id }) => id), includeOutputs });
  const answer = await setUp(jobs).waitJobs(request, context);
  return answer.jobs.map(({ id }) => id);
}

describe("WaitJobs", () => {
  it("answers as many ended jobs as fit, and leaves the others to the next call", async () => {
    expect(await wait([50, 50, 1], true)).toEqual([idOf(1), idOf(2)]);
  });

  it("answers a job whose outputs are too large without them", async () => {
    const jobs = endedJobs([101, 100]);
    const request = create(WaitJobsRequestSchema, { jobIds: [idOf(1), idOf(2)], includeOutputs: true });
    const answer = await setUp(jobs).waitJobs(request, context);
    expect(answer.jobs.map(({ outputs }) => outputs.map(({ length }) => length))).toEqual([[], [100]]);
  });

  it("reads jobs with large outputs by themselves", async () => {
    const jobs = endedJobs([20_000, 1, 40_000]);
    const request = create(WaitJobsRequestSchema, { jobIds: [idOf(1), idOf(2), idOf(3)], includeOutputs: true });
    const answer = await setUp(jobs, 70_000).waitJobs(request, context);
    expect(answer.jobs.map(({ outputs }) => outputs.map(({ length }) => length))).toEqual([[20_000], [1], [40_000]]);
  });

  it("answers all ended jobs when outputs were not asked for", async () => {
    expect(await wait([500, 500, 500], false)).toHaveLength(3);
  });

  it("waits on for a job that was retried before its end could be told", async () => {
    const [job] = endedJobs([1]) as [JobRecord];
    const jobs: JobRecord[] = [{ ...job, state: JobState.RUNNING }];
    const { store, waitJobs } = setUp(jobs);
    const request = create(WaitJobsRequestSchema, { jobIds: [job.id], wait: durationFromMs(10_000) });
    let answered = false;
    const answer = waitJobs(request, context).finally(() => {
      answered = true;
    });
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    store.emit("ended", new Set([job.id]));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(answered).toBe(false);
    jobs[0] = job;
    store.emit("ended", new Set([job.id]));
    expect((await answer).jobs).toMatchObject([{ id: job.id, state: JobState.SUCCEEDED }]);
  });
});

describe("WatchJob", () => {
  it("tells the end of a job whose outputs are too large without them", async () => {
    const states = [];
    for await (const { job } of setUp(endedJobs([101])).watchJob(
      create(WatchJobRequestSchema, { jobId: idOf(1) }),
      context,
    ))
      states.push([job!.state, job!.outputs.length]);
    expect(states).toEqual([[JobState.SUCCEEDED, 0]]);
  });
});
