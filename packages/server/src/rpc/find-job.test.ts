import { JobState } from "@spanloom/protocol";
import { expect, test } from "vitest";
import type { JobRecord } from "../store/store.ts";
import { findJob, findJobWithOutputs } from "./find-job.ts";
import { storeStub } from "./testing/stubs.ts";

/** A store with one job; `outputs` are there when they fit. */
function storeWith(state: JobState, outputBytes: number) {
  return storeStub({
    async getJobs(ids, { includeOutputs, maxOutputBytes = Number.POSITIVE_INFINITY }) {
      if (ids[0] !== "known") return [];
      const outputs = includeOutputs && state === JobState.SUCCEEDED && outputBytes <= maxOutputBytes;
      return [
        { id: "known", state, ...(outputs && { outputs: [new Uint8Array(outputBytes)] }) } as unknown as JobRecord,
      ];
    },
  });
}

test("a job that nobody knows is an error that names it", async () => {
  await expect(findJob(storeWith(JobState.SUCCEEDED, 0), "other")).rejects.toMatchObject({
    reason: "JOB_NOT_FOUND",
    message: 'cannot find job: no job has id "other"',
  });
});

test("outputs come along when they fit, and are never read when not asked for", async () => {
  const store = storeWith(JobState.SUCCEEDED, 100);
  expect((await findJobWithOutputs(store, "known", 100)).outputs).toHaveLength(1);
  expect((await findJob(store, "known")).outputs).toBeUndefined();
});

test("outputs that do not fit are refused, saying where they can be read", async () => {
  await expect(findJobWithOutputs(storeWith(JobState.SUCCEEDED, 101), "known", 100)).rejects.toMatchObject({
    reason: "LIMIT_EXCEEDED",
    message: expect.stringMatching(/more than 100 bytes together; page through ListTasks with include_payloads/),
    facts: { field: "include_outputs", limit: 100 },
  });
});

test("a job without outputs is no error", async () => {
  expect(await findJobWithOutputs(storeWith(JobState.FAILED, 0), "known", 100)).toMatchObject({ id: "known" });
});
