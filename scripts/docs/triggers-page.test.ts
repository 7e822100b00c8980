import path from "node:path";
import { Client, type JobSnapshot, task } from "@spanloom/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { PageRunner } from "./page-runner.ts";

/** Runs what the page shows, in its order: what one block makes, those after it find. */
describe("docs/triggers.md", () => {
  let page: PageRunner;
  let client: Client;

  beforeAll(async () => {
    page = await PageRunner.start(path.resolve(import.meta.dirname, "..", ".."), "docs/triggers.md");
    client = new Client({ url: page.url });
  });
  afterAll(async () => {
    client?.close();
    await page?.stop();
  });

  /** The newest job of a trigger, once it has ended. */
  async function endedJobOf(trigger: string): Promise<JobSnapshot> {
    const id = await vi.waitFor(async () => {
      for await (const job of client.jobs.list({ trigger, limit: 1 })) return job.id;
      throw new Error(`no job of ${trigger} yet`);
    }, WAIT);
    return client.jobs.wait(id, { timeoutMs: WAIT.timeout });
  }

  it("makes a schedule and a trigger, whose event runs a job", async () => {
    await page.run("start.ts");
    const schedule = await client.schedules.get("nightly report");
    expect(schedule).toMatchObject({ times: { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, catchUpMs: 21_600_000 });
    expect(schedule.nextTimes).toHaveLength(5);
    const job = await endedJobOf("ship orders");
    expect(job).toMatchObject({
      state: "SUCCEEDED",
      output: "order 7",
      trigger: { type: "EVENT", trigger: "ship orders" },
    });
    expect(await page.run("find.ts")).toContain(`${job.id} SUCCEEDED EVENT ${job.trigger!.eventId}`);
  });

  it("can be run again, and changes nothing", async () => {
    const { revision, updatedAt } = await client.schedules.get("nightly report");
    await page.run("start.ts");
    expect(await client.schedules.get("nightly report")).toMatchObject({ revision, updatedAt });
  });

  it("previews times across a change of clocks", async () => {
    expect((await page.run("preview.ts")).trim().split("\n")).toEqual([
      "2027-03-28T01:00:00.000Z",
      "2027-03-29T00:30:00.000Z",
    ]);
  });

  it("backfills three days, and nothing when it is asked for again", async () => {
    const [jobId, backfilled] = (await page.run("backfill.ts")).trim().split("\n");
    expect(backfilled).toMatch(/^(\d) of \1 times fired now$/);
    const fired = await client.jobs.wait(jobId!, { timeoutMs: WAIT.timeout });
    expect(fired).toMatchObject({ state: "SUCCEEDED", trigger: { type: "MANUAL", schedule: "nightly report" } });
    expect(await page.run("backfill.ts")).toMatch(/\n0 of \d times fired now/);
  });

  it("publishes events, of which some match", async () => {
    const [count, event] = (await page.run("publish.ts")).trim().split("\n");
    expect(count).toBe("2");
    expect(event).toContain("order.paid { id: 8, amount: 250 }");
    const { firings } = await vi.waitFor(async () => {
      const known = await client.events.get("order-8-paid");
      expect(known.matched).toBe(true);
      return known;
    }, WAIT);
    expect(firings).toMatchObject([{ outcome: "SUBMITTED", eventId: "order-8-paid" }]);
  });

  it("tries a trigger that is not there", async () => {
    expect((await page.run("try.ts")).trim()).toBe("true { text: 'order 7' }");
    await expect(client.triggers.get("tell of large orders")).rejects.toMatchObject({ reason: "TRIGGER_NOT_FOUND" });
  });

  it("starts a job for one that failed", async () => {
    await page.run("chain.ts");
    const nobody = task({ name: "task-of-no-runner", run() {} });
    await client.schedules.put({ name: "late", every: "1s", task: nobody, jobName: "report", deadlineMs: 100 });
    const job = await endedJobOf("tell of failed reports");
    await client.schedules.delete("late");
    expect(job).toMatchObject({ name: "notify", state: "SUCCEEDED", trigger: { type: "EVENT", depth: 1 } });
    const { key, source } = await client.events.get(job.trigger!.eventId!);
    expect([key, source]).toEqual(["spanloom.job.failed", "JOB"]);
  });
});

const WAIT = { timeout: 60_000, interval: 50 };
