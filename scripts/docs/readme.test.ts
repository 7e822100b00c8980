import { readFileSync } from "node:fs";
import path from "node:path";
import { Client } from "@spanloom/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { capture } from "../bootstrap/run.mjs";
import { PageRunner } from "./page-runner.ts";

describe("README.md", () => {
  const root = path.resolve(import.meta.dirname, "..", "..");
  const read = (page: string) => readFileSync(path.join(root, page), "utf8");
  let page: PageRunner;

  beforeAll(async () => {
    page = await PageRunner.start(root, "README.md");
  });
  afterAll(() => page.stop());

  it("shows a submission that succeeds, and a query that draws its trace", async () => {
    const [jobId, state] = (await page.run("submit.ts")).trim().split(" ");
    expect(state).toBe("SUCCEEDED");
    const drawn = await page.run("query.ts", [jobId!]);
    expect(drawn).toContain("job count-all");
    expect(drawn.match(/count-words/g)!.length).toBeGreaterThanOrEqual(3);
    expect(drawn).toContain("find-most");
  });

  it("shows a schedule, and a trigger whose event starts a job", async () => {
    await page.run("triggers.ts");
    using client = new Client({ url: page.url });
    expect((await client.schedules.get("nightly")).nextTimes).not.toEqual([]);
    const jobId = await vi.waitFor(
      async () => {
        for await (const { id } of client.jobs.list({ trigger: "count" })) return id;
        throw new Error("the event has started no job yet");
      },
      { timeout: 60_000, interval: 50 },
    );
    expect(await client.jobs.wait(jobId, { timeoutMs: 30_000 })).toMatchObject({ state: "SUCCEEDED", output: 4 });
  });

  it("names programs that npx finds in this folder", async () => {
    const programs = read("README.md").match(/(?<=npx )spanloom[\w-]*/g)!;
    expect(new Set(programs)).toEqual(new Set(["spanloom", "spanloom-runner", "spanloom-server"]));
    for (const program of new Set(programs)) {
      const { code, output } = await capture("npx", ["--no-install", program, "--help"], { cwd: root });
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("Usage:") });
    }
  });
});
