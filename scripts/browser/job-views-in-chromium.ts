import { type JobHandle, task } from "@spanloom/sdk";
import { beforeAll, describe, expect, it } from "vitest";
import { useConsole } from "./use-console.ts";

const upload = task({
  name: "upload part",
  run: async (part: number, ctx) => {
    await ctx.span("PUT object", async () => part);
    ctx.log.info(`uploaded part ${part}`, { part });
  },
});

const resize = task({
  name: "resize image",
  retry: { maxAttempts: 2, initialDelayMs: 100 },
  run: async (image: number, ctx) => {
    ctx.log.debug(`reads image ${image}`);
    await ctx.span("decode", async () => image);
    if (image === 5) {
      ctx.log.error(`image ${image} <b>cannot</b> be read\nits header is gone`);
      throw new TypeError(`image ${image} has no size`);
    }
    ctx.submit(upload, image);
  },
});

const plan = task({ name: "plan", run: (_input: null, ctx) => ctx.log.warn("the plan is three days old") });
const report = task({ name: "write report", run: (_input: null, ctx) => ctx.span("render", async () => undefined) });
const images = task({
  name: "resize all",
  run: (_input: null, ctx) => {
    for (let n = 0; n < 8; n++) ctx.submit(resize, n, { optional: true, display: `image-${n}.png` });
  },
});

const row = task({
  name: "check row",
  run: (n: number) => {
    if (n === 7_777) throw new RangeError(`row ${n} is out of range`);
  },
});
const table = task({
  name: "check table",
  run: (rows: number, ctx) =>
    void ctx.submitMany(
      row,
      Array.from({ length: rows }, (_, n) => n),
      { optional: true },
    ),
});

/** What tasks that are followed wait for before they go on. */
const gates = { live: Promise.withResolvers<void>(), away: Promise.withResolvers<void>() };
const follow = task({
  name: "follow me",
  run: async (gate: keyof typeof gates, ctx) => {
    ctx.log.info("before the gate");
    await ctx.span("wait", () => gates[gate].promise);
    ctx.log.info("behind the gate");
  },
});

const here = useConsole({ tasks: [upload, resize, plan, report, images, row, table, follow] });

function submitImages(): Promise<JobHandle<unknown>> {
  return here.client.jobs.compose("nightly images", (roots) => {
    const planned = roots.submit(plan, null);
    const resized = roots.submit(images, null, { dependsOn: [planned] });
    return [roots.submit(report, null, { dependsOn: [resized] })];
  });
}

let base: string;
let other: string;

beforeAll(async () => {
  const jobs = [];
  for (let n = 0; n < 2; n++) {
    const job = await submitImages();
    await job.wait();
    jobs.push(job.id);
  }
  [base, other] = jobs as [string, string];
});

describe("the graph of a job in Chromium", () => {
  it("shows what waits for what, opens a group, and tells what became of a task", async () => {
    await here.open(`/jobs/${base}/graph`);
    const { page } = here;
    await page.getByText("18 tasks: 1 failed, 17 succeeded").waitFor();
    expect(await page.locator(".box-name").allTextContents()).toEqual([
      "plan",
      "resize all",
      "write report",
      "resize image",
      "upload part",
    ]);
    await page.getByRole("button", { name: "Open resize image" }).click();
    await expect.poll(() => page.locator(".graph-box").count()).toBe(3 + 8 + 7);
    await page.getByLabel("Find tasks by name, state or id").fill("failed");
    await page.keyboard.press("Enter");
    const panel = page.getByRole("complementary", { name: "Selected task" });
    await panel.getByText("#2 failed").waitFor();
    await panel.getByRole("button", { name: "Retry image-5.png alone" }).waitFor();
    await here.takePicture("job-graph");
    expect(await here.seriousFindings()).toEqual([]);
    await panel.getByRole("link", { name: "See it in the waterfall" }).click();
    await page.waitForURL(/\/waterfall\?span=[0-9a-f]{16}$/);
    await page.locator(".span-panel").waitFor();
  });

  it("is walked and zoomed by keys", async () => {
    await here.open(`/jobs/${base}/graph`);
    const { page } = here;
    await page.locator(".graph-box").first().waitFor();
    await page.getByRole("button", { name: /^plan/ }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.locator(":focus").textContent()).toMatch("resize all");
    await page.keyboard.press("Enter");
    await page.getByRole("complementary", { name: "Selected task" }).getByText("succeeded").first().waitFor();
    const scale = () =>
      page.locator(".graph-world").evaluate((world) => new DOMMatrix(getComputedStyle(world).transform).a);
    const before = await scale();
    await page.keyboard.press("-");
    await expect.poll(scale).toBeLessThan(before);
  });

  it("puts 10,000 tasks together, and finds the one that failed", async () => {
    const job = await here.client.jobs.submit(table, 10_000, { name: "many rows" });
    await job.wait();
    await here.open(`/jobs/${job.id}/graph`);
    const { page } = here;
    await page.getByText("10,001 tasks: 1 failed, 10,000 succeeded").waitFor();
    expect(await page.locator(".graph-box").count()).toBe(2);
    await page.getByLabel("Find tasks by name, state or id").fill("failed");
    await page.keyboard.press("Enter");
    await page.getByText("row 7777 is out of range").first().waitFor();
    await page.getByRole("button", { name: "Open check row" }).click();
    await expect.poll(() => page.locator(".graph-box").count()).toBe(62);
    await page.getByText("×9,940").waitFor();
  });
});

describe("where a job's time went, in Chromium,", () => {
  it("is told by its critical path, with a link to each span", async () => {
    await here.open(`/jobs/${base}/critical-path`);
    const { page } = here;
    const names = page.getByRole("region", { name: "Where the time went" });
    await names.getByText("backoff").waitFor();
    await names.getByText("task resize image").first().waitFor();
    await here.takePicture("job-critical-path");
    expect(await here.seriousFindings()).toEqual([]);
    await page.getByLabel("into the spans of the code").check();
    await page.getByRole("region", { name: "Step by step" }).getByText("render").waitFor();
    await page.getByRole("region", { name: "Step by step" }).getByRole("link", { name: "plan" }).click();
    await page.waitForURL(/\/waterfall\?span=[0-9a-f]{16}$/);
  });

  it("is told by a flame chart, that zooms and finds", async () => {
    await here.open(`/jobs/${base}/flame`);
    const { page } = here;
    const frame = (name: string) => page.locator(".frame", { hasText: new RegExp(`^${name}$`) });
    await page.locator(".frame").first().waitFor();
    await page.getByRole("button", { name: "Spans", exact: true }).click();
    await frame("task resize image").hover();
    await page.locator(".frame-facts", { hasText: "8 spans, 1 failed" }).waitFor();
    await here.takePicture("job-flame");
    expect(await here.seriousFindings()).toEqual([]);
    await frame("task resize image").click();
    await expect.poll(() => frame("task write report").count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Show all" }).click();
    await expect.poll(() => frame("task write report").count()).toBe(1);
    await page.getByLabel("Find a name").fill("decode");
    await expect.poll(() => page.locator(".frame-found").count()).toBe(1);
    const names = page.getByRole("region", { name: "By name" });
    expect(await names.locator("tbody tr").count()).toBe(1);
    await names.getByRole("link").click();
    await page.waitForURL(/\/waterfall\?span=[0-9a-f]{16}$/);
  });
});

describe("the log of a job in Chromium", () => {
  it("is narrowed by severity and text, takes no markup, and leads to the span", async () => {
    await here.open(`/jobs/${base}/logs`);
    const { page } = here;
    // A warning, nine that read, as one did so twice, two errors and seven uploads.
    await page.locator('[data-records="19"]').waitFor();
    await page.getByRole("button", { name: "error", exact: true }).click();
    await page.locator('[data-records="2"]').waitFor();
    await page.getByLabel("Find in the text").fill("HEADER");
    await page.waitForURL(/level=error&find=HEADER/);
    await page.locator('[data-records="2"]').waitFor();
    await page.getByRole("listbox", { name: "Log records" }).focus();
    await page.keyboard.press("ArrowDown");
    const panel = page.getByRole("complementary", { name: "Selected record" });
    await panel.getByText("image 5 <b>cannot</b> be read").waitFor();
    expect(await page.locator("main b").count()).toBe(0);
    await here.takePicture("job-logs");
    expect(await here.seriousFindings()).toEqual([]);
    await panel.getByRole("link", { name: "See its span" }).click();
    await page.waitForURL(/\/waterfall\?span=[0-9a-f]{16}$/);
  });

  it("goes on while the job runs, and says when that has ended", async () => {
    const job = await here.client.jobs.submit(follow, "live");
    await here.open(`/jobs/${job.id}/logs`);
    const { page } = here;
    await page.getByText("before the gate").waitFor();
    await page.getByText("1 record, live").waitFor();
    gates.live.resolve();
    await page.getByText("behind the gate").waitFor();
    await page.locator('[data-records="2"]').waitFor();
  });

  it("goes on after the server was away, with nothing twice", async () => {
    const job = await here.client.jobs.submit(follow, "away");
    await here.open(`/jobs/${job.id}/logs`);
    const { page } = here;
    await page.getByText("1 record, live").waitFor();
    await here.stage.stopServer();
    await page.getByText(/^1 record, interrupted/).waitFor();
    await here.stage.startServer();
    gates.away.resolve();
    await page.getByText("behind the gate").waitFor();
    await page.locator('[data-records="2"]').waitFor();
    expect(await page.locator(".log-line").count()).toBe(2);
    here.forgive(/ERR_|Failed to load resource/);
  });

  it("says that nothing was logged, and that nothing is like that", async () => {
    const job = await here.client.jobs.submit(report, null);
    await job.wait();
    await here.open(`/jobs/${job.id}/logs`);
    await here.page.getByText("Nothing was logged").waitFor();
    await here.page.getByRole("button", { name: "warn+" }).click();
    await here.page.getByText("No record is like that").waitFor();
    await here.page.getByRole("button", { name: "Show all records" }).click();
    await here.page.getByText("Nothing was logged").waitFor();
  });
});

describe("two jobs compared in Chromium", () => {
  it("are chosen at one of them, and all that is shown stands in the URL", async () => {
    await here.open(`/jobs/${other}`);
    const { page } = here;
    await page.getByRole("button", { name: "Compare with…" }).click();
    await page.getByRole("dialog").getByRole("radio").first().waitFor();
    expect(await here.seriousFindings()).toEqual([]);
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await page.waitForURL(`**/compare/${base}/${other}`);
    const rows = page.getByRole("region", { name: "Comparison by name" }).locator("tbody tr");
    // The job; four tasks and their attempts, of which plan's has no other spans; and those of the code.
    await expect.poll(() => rows.count()).toBe(14);
    await here.takePicture("compare");
    expect(await here.seriousFindings()).toEqual([]);
    await page.getByLabel("Compare the").selectOption("p95");
    await page.getByRole("button", { name: "Name" }).click();
    await page.getByLabel("Find a name").fill("decode");
    await page.getByRole("button", { name: "Swap" }).click();
    await page.waitForURL(`**/compare/${other}/${base}?measure=p95&order=name&find=decode`);
    await page.reload();
    await expect.poll(() => rows.count()).toBe(1);
  });

  it("are told apart from one and the same, and from one that is not there", async () => {
    await here.open(`/compare/${base}/${base}`);
    await here.page.getByText("These are one and the same job").waitFor();
    await here.page.goto(`${here.url}/compare/${base}/01900000-0000-7000-8000-000000000000`);
    await here.page.getByRole("alert").first().waitFor();
    here.forgive(/404/);
  });
});
