import { expect } from "vitest";
import { taskSet } from "./driver.ts";
import type { Cases } from "./scenario.ts";

/** Retries that are refused, or asked for again: RetryJob. */
export const repeatedRetryCases: Cases = {
  "naming what cannot run again is refused, and nothing changes": async (driver) => {
    const job = await driver.submit({ name: "done" }, { name: "bad" }, { name: "after", after: ["bad"] });
    const other = await driver.submit({ name: "other" });
    const leases = await driver.claim();
    const [done, bad, foreign] = ["done", "bad", "other"].map((name) => leases.find((lease) => lease.name === name));
    await driver.succeed(done!);
    const early = driver.store.retryJob(job, []);
    await expect(early).rejects.toMatchObject({ reason: "INVALID_STATE" });
    await driver.fail(bad!);
    const after = (await driver.tasks(job)).at(-1)!;
    const retry = (...ids: readonly string[]) => driver.store.retryJob(job, ids);
    await expect(retry(done!.taskId)).rejects.toMatchObject({ reason: "INVALID_STATE" });
    await expect(retry(after.id)).rejects.toThrow(/waits for a task that did not succeed/);
    await expect(retry(bad!.taskId, foreign!.taskId)).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
    await expect(retry(driver.newId())).rejects.toMatchObject({ reason: "TASK_NOT_FOUND" });
    await expect(driver.store.retryJob(driver.newId(), [])).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.claim()).toEqual([]);
    await driver.succeed(foreign!);
    await expect(driver.store.retryJob(other, [])).rejects.toThrow(/none of its tasks failed/);
    expect(await driver.retry(job, [after.id, bad!.taskId])).toBe(2);
    expect(await driver.drain()).toEqual(["bad", "after"]);
  },

  "a retry under a key happens once, however often it is asked for": async (driver) => {
    const job = await driver.submit({ name: "bad" }, { name: "worse" });
    const fail = async () => {
      for (const lease of await driver.claim()) await driver.fail(lease);
    };
    await fail();
    const retry = async (key?: string) => (await driver.store.retryJob(job, [], key)).retried;
    expect(await retry("first")).toBe(2);
    expect(await retry("first")).toBe(2);
    await expect(retry("second")).rejects.toMatchObject({ reason: "INVALID_STATE" });
    await expect(retry()).rejects.toMatchObject({ reason: "INVALID_STATE" });
    await fail();
    // Also when it has ended again since, and after a restart: the answer was on its way for long.
    await driver.reopen();
    expect(await retry("first")).toBe(2);
    expect(await driver.jobState(job)).toBe("FAILED");
    expect(await driver.claim()).toEqual([]);
    expect(await retry("second")).toBe(2);
    expect(await retry("first")).toBe(2);
    expect(await driver.drain()).toEqual(["bad", "worse"]);
  },

  "a job whose key is full and refuses newcomers is not retried, and nothing changes": async (driver) => {
    const concurrency = { key: "one", limit: 1, policy: "rejectNew" } as const;
    const first = await driver.submitJob(driver.newJob(taskSet({ name: "bad" }), { concurrency }));
    await driver.fail(await driver.claimOne());
    await driver.submitJob(driver.newJob(taskSet({ name: "next" }), { concurrency }));
    const retry = driver.store.retryJob(first, []);
    await expect(retry).rejects.toMatchObject({ reason: "CONCURRENCY_REJECTED" });
    expect(await driver.jobState(first)).toBe("FAILED");
    expect(await driver.drain()).toEqual(["next"]);
    expect(await driver.retry(first)).toBe(1);
    expect(await driver.drain()).toEqual(["bad"]);
  },
};
