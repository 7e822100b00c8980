import { JobState } from "@spanloom/protocol";
import type { NewJob } from "@spanloom/server/store";
import { expect } from "vitest";
import { retryAtOnce, taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** What a clone is made from, and outputs that are too large for an answer. */
export const cloneCases: Cases = {
  "a submission is read back with its roots, their specs, inputs and dependencies": async (driver) => {
    const tasks = taskSet(
      { name: "a", count: 3, retry: retryAtOnce(4), attemptTimeoutMs: 5_000 },
      { name: "b", queue: "gpu", priority: -2, optional: true },
      { name: "c", count: 2, after: ["a", "b"], startDelayMs: 700, minor: 3 },
    );
    const overrides = {
      name: "original",
      tags: { team: "x" },
      queue: "bulk",
      priority: 7,
      deadlineUs: driver.clock.nowUs() + 60_000_000,
      idempotencyKey: "key",
      requestHash: "hash",
    };
    const id = await driver.submitJob(driver.newJob(tasks, overrides));
    // What its tasks submit is no part of it.
    const lease = await driver.claimOne({ queues: ["gpu"] });
    await driver.succeed(lease, "", taskSet({ name: "child", count: 2 }));
    const read = await driver.store.readSubmission(id);
    expect(read).toMatchObject({
      ...{ id, name: "original", tags: { team: "x" }, queue: "bulk", priority: 7 },
      ...{ deadlineUs: overrides.deadlineUs, idempotencyKey: "", requestHash: "" },
    });
    expect(read.tasks.groups.map(({ dependsOn }) => dependsOn)).toEqual([[], [], [0, 1]]);
    const plain = (job: NewJob) =>
      job.tasks.groups.map(({ inputs, specs, displays }) =>
        inputs.map((input, i) => {
          const spec = job.tasks.specs[specs[specs.length === 1 ? 0 : i]!]!;
          const inherited = { queue: job.queue, priority: job.priority };
          return { ...inherited, ...spec, input: Buffer.from(input).toString(), display: displays[i] ?? "" };
        }),
      );
    expect(plain(read)).toEqual(plain({ ...driver.newJob(tasks), ...overrides }));
  },

  "a clone of a submission runs as the original did": async (driver) => {
    const original = await driver.submit({ name: "a", count: 2 }, { name: "b", after: ["a"] });
    await driver.drain();
    const { idempotencyKey, requestHash, ...read } = await driver.store.readSubmission(original);
    const clone = await driver.submitJob({ ...driver.newJob(read.tasks), tags: read.tags });
    expect(await driver.drain()).toEqual(["a", "a", "b"]);
    const tasks = await driver.tasks(clone);
    expect(tasks.map(({ name, input }) => [name, Buffer.from(input!).toString()])).toEqual([
      ["a", "0"],
      ["a", "1"],
      ["b", "0"],
    ]);
    expect(await driver.jobState(clone)).toBe("SUCCEEDED");
  },

  "specs that differ within a group and displays are read back in order": async (driver) => {
    const set = taskSet({ name: "a" }, { name: "b" });
    const inputs = ["0", "1", "2"].map((text) => Buffer.from(text));
    const group = { inputs, specs: [1, 0, 1], dependsOn: [], displays: ["", "middle", ""] };
    const job = await driver.submitJob(driver.newJob({ specs: set.specs, groups: [group] }));
    const { tasks } = await driver.store.readSubmission(job);
    expect(tasks.groups[0]!.specs.map((index) => tasks.specs[index]!.name)).toEqual(["b", "a", "b"]);
    expect(tasks.groups[0]!.displays).toEqual(["", "middle", ""]);
    await expect(driver.store.readSubmission(driver.newId())).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
  },

  "a submission of 16 MiB is read back byte for byte": async (driver) => {
    const inputs = Array.from({ length: 64 }, (_, n) =>
      Uint8Array.from({ length: 256 * 1024 }, (_, i) => (i + n) % 251),
    );
    const set = taskSet({ name: "large" });
    const job = await driver.submitJob(driver.newJob({ specs: set.specs, groups: [{ ...set.groups[0]!, inputs }] }));
    const { tasks } = await driver.store.readSubmission(job);
    expect(Buffer.compare(Buffer.concat(tasks.groups[0]!.inputs), Buffer.concat(inputs))).toBe(0);
    const clone = await driver.submitJob(driver.newJob(tasks));
    const leases = (await driver.claim()).filter(({ jobId }) => jobId === clone);
    expect(leases.length).toBeGreaterThan(0);
  },

  "outputs that are larger together than asked for are left out, job by job": async (driver) => {
    const small = await driver.submit({ name: "a", count: 2 });
    const large = await driver.submit({ name: "a", count: 3 });
    for (const lease of await driver.claim()) await driver.succeed(lease, "x".repeat(1_000));
    const states = await driver.store.jobStates([small, large, driver.newId()]);
    expect(states).toEqual(
      new Map([
        [small, JobState.SUCCEEDED],
        [large, JobState.SUCCEEDED],
      ]),
    );
    const read = { includeOutputs: true, maxOutputBytes: 2_000 };
    const jobs = await driver.store.getJobs([small, large], read);
    const sizes = new Map(jobs.map(({ id, outputs }) => [id, outputs?.map(({ length }) => length)]));
    expect(sizes.get(small)).toEqual([1_000, 1_000]);
    expect(sizes.get(large)).toBeUndefined();
    expect(jobs.map(({ state }) => state)).toEqual([JobState.SUCCEEDED, JobState.SUCCEEDED]);
  },
};
