import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { task } from "@spanloom/sdk";
import type { Locator } from "playwright-core";
import { describe, expect, it } from "vitest";
import { useConsole } from "./use-console.ts";

const run = promisify(execFile);
const root = path.dirname(path.dirname(import.meta.dirname));

/** What lets the open task go on. */
const gate: { open: () => void; opened: Promise<void> } = { open: () => undefined, opened: Promise.resolve() };

const resize = task({
  name: "resize image",
  run: async (n: number, ctx) => {
    ctx.log.info(`resizes image ${n}`);
    await ctx.span("decode", async () => ctx.span("read header", () => undefined));
    if (n === 3 || ctx.attempt === 1) throw new TypeError(`<b>image</b> ${n} has no size`);
  },
});
const publish = task({ name: "publish album", run: () => "done" });
const album = task({
  name: "make album",
  run: (_input: null, ctx) => {
    const retry = { maxAttempts: 2, initialDelayMs: 50 };
    const images = [1, 2, 3, 4].map((n) => ctx.submit(resize, n, { retry, optional: true }));
    ctx.submit(publish, undefined as never, { dependsOn: images });
  },
});
const waiting = task({
  name: "wait for the gate",
  run: async (_input: null, ctx) => {
    await ctx.span("behind the gate", () => gate.opened);
  },
});

const here = useConsole({ tasks: [album, resize, publish, waiting] });

/** Middle of a line on the canvas. */
const lineY = (line: number) => 26 + line * 22 + 11;
const canvas = () => here.page.locator(".waterfall-lines canvas");
const tree = () => here.page.getByRole("tree", { name: "Spans over time" });
const panel = () => here.page.getByRole("complementary", { name: "Selected span" });
const selected = () => here.page.locator('[role="treeitem"][aria-selected="true"]');
const heading = () => panel().getByRole("heading", { level: 2 });
const spans = (count: number) => here.page.locator(`[data-spans="${count}"]`);

async function albumJob() {
  const job = await here.client.jobs.submit(album, null, { name: "album" });
  await job.wait();
  return job;
}

/** Opens the waterfall of an album once all of its spans are there. */
async function openAlbum(query = "") {
  const job = await albumJob();
  await here.open(`/jobs/${job.id}/waterfall${query}`);
  // A job, 6 tasks, 10 attempts, and 2 spans in each of 8 of them.
  await spans(33).waitFor();
  return job;
}

describe("the waterfall in Chromium, looked at", () => {
  it("shows the span that is clicked, and closes it", async () => {
    await openAlbum();
    await canvas().click({ position: { x: 150, y: lineY(2) } });
    await heading().getByText("make album", { exact: true }).waitFor();
    await here.page.waitForURL(/\?span=[0-9a-f]{16}$/);
    await here.takePicture("waterfall-light");
    expect(await here.seriousFindings()).toEqual([]);
    await panel().getByRole("button", { name: "Close the span" }).click();
    await here.page.waitForURL(/waterfall$/);
    expect(await panel().count()).toBe(0);
  });

  it("is found by name and by failure, with its exception, its log and no markup", async () => {
    await openAlbum();
    await here.page.getByLabel("Find spans").fill("RESIZE");
    await here.page.getByLabel("failed only").check();
    await here.page.getByText("6 found").waitFor();
    await here.page.getByRole("button", { name: "Next" }).click();
    await here.page.getByText("1 of 6").waitFor();
    await panel().getByText("<b>image</b> 1 has no size", { exact: true }).waitFor();
    await panel().locator(".span-stack", { hasText: "TypeError" }).waitFor();
    await panel().getByText("resizes image 1").waitFor();
    expect(await panel().locator("b").count()).toBe(0);
    await here.page.emulateMedia({ colorScheme: "dark" });
    await here.takePicture("waterfall-failed-dark");
    expect(await here.seriousFindings()).toEqual([]);
    await here.page.reload();
    await here.page.getByText("6 found").waitFor();
    await heading().getByText("resize image", { exact: true }).waitFor();
  });

  it("leads from a task to what failed below it", async () => {
    await openAlbum();
    await here.page.getByLabel("Find spans").fill("task make album");
    await here.page.keyboard.press("Enter");
    await panel().getByRole("button", { name: "Go to what failed below" }).click();
    await panel().getByText("<b>image</b> 1 has no size", { exact: true }).waitFor();
  });

  it("folds what is below spans of a name, and unfolds it for who looks for it", async () => {
    await openAlbum();
    await here.page.getByLabel("Find spans").fill("resize image");
    await here.page.keyboard.press("Enter");
    await panel().getByRole("button", { name: "Fold all of this name" }).click();
    await selected().getByText("folded away").waitFor();
    await here.page.getByLabel("Find spans").fill("read header");
    await here.page.keyboard.press("Enter");
    await heading().getByText("read header", { exact: true }).waitFor();
    await here.page.getByRole("button", { name: "Unfold all" }).click();
    await here.page.getByRole("button", { name: "Unfold all" }).waitFor({ state: "detached" });
  });

  it("says so when a job's spans are stored no more", async () => {
    const job = await albumJob();
    await here.stage.stopServer();
    rmSync(path.join(here.stage.folder, "data", "telemetry"), { recursive: true });
    await here.stage.startServer();
    await here.open(`/jobs/${job.id}/waterfall`);
    await here.page.getByText("No spans of this job are stored").waitFor();
    expect(await here.seriousFindings()).toEqual([]);
  });
});

describe("the waterfall in Chromium, by keys", () => {
  it("is walked line by line, folded and zoomed", async () => {
    await openAlbum();
    await tree().focus();
    const press = async (keys: readonly string[], sign: RegExp | string) => {
      for (const key of keys) await here.page.keyboard.press(key);
      await selected().getByText(sign).waitFor();
    };
    await press(["Home"], "job album, job");
    expect(await tree().getAttribute("aria-activedescendant")).toBe(await selected().getAttribute("id"));
    await press(["ArrowDown", "ArrowDown"], "make album, attempt 1");
    await press(["ArrowLeft"], /30 spans folded away, something below failed/);
    expect(await selected().getAttribute("aria-expanded")).toBe("false");
    await press(["ArrowRight"], /^make album, attempt 1, [^,]+$/);
    await press(["e"], /resize image, attempt 1, failed/);
    await press(["End"], /publish album|read header/);
    await press(["Enter", "+", "-", "0", "PageUp"], /./);
    await here.page.keyboard.press("Escape");
    await panel().waitFor({ state: "detached" });
  });
});

describe("the waterfall in Chromium, by links", () => {
  it("opens the span that a link names, with the critical path marked", async () => {
    const job = await openAlbum();
    await here.page.getByLabel("failed only").check();
    await here.page.getByRole("button", { name: "Previous" }).click();
    await here.page.waitForURL(/span=/);
    const { searchParams } = new URL(here.page.url());
    const spanId = searchParams.get("span");
    await here.open(`/jobs/${job.id}/waterfall?path=1&span=${spanId}`);
    await here.page.getByText("on the critical path").waitFor();
    await heading()
      .getByText(/resize image/)
      .waitFor();
    expect(await here.page.getByRole("button", { name: "Critical path" }).getAttribute("aria-pressed")).toBe("true");
    await here.open(`/jobs/${job.id}/waterfall?span=00000000000000ff`);
    await here.page.getByText("is not among the stored spans of this job").waitFor();
  });

  it("leads to the waterfall of the job that a span links to", async () => {
    const job = await albumJob();
    const clone = await here.client.jobs.clone(job.id);
    await clone.wait();
    await here.open(`/jobs/${clone.id}/waterfall`);
    await spans(33).waitFor();
    await tree().focus();
    await here.page.keyboard.press("Home");
    await panel().getByRole("link", { name: "job album" }).click();
    await here.page.waitForURL(new RegExp(`/jobs/${job.id}/waterfall`));
    await heading().getByText("job album", { exact: true }).waitFor();
  });

  it("gives texts that work as they are pasted", async () => {
    await here.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const job = await openAlbum();
    await tree().focus();
    await here.page.keyboard.press("Home");
    const copied = async (button: string) => {
      await panel().getByRole("button", { name: button }).click();
      return here.page.evaluate(() => navigator.clipboard.readText());
    };
    const shell = async (pasted: string) => {
      const env = { ...process.env, SPANLOOM_TOKEN: here.stage.token };
      const cli = path.join(root, "packages/cli/src/bin/spanloom.ts");
      return (await run("bash", ["-c", `spanloom() { "${process.execPath}" "${cli}" "$@"; }; ${pasted}`], { env }))
        .stdout;
    };
    await panel().locator(".span-copies").waitFor();
    expect(await copied("Copy the link to the span")).toBe(here.page.url());
    expect(JSON.parse(await shell(await copied("Copy the command")))).toMatchObject({ job_id: job.id, type: "job" });
    expect(await shell(await copied("Copy the call by curl"))).toMatch(/"ipc":"[A-Za-z0-9+/]{100}/);
  });
});

describe("the waterfall in Chromium, live", () => {
  it("shows spans as they come, and all of them once the job has ended", async () => {
    gate.opened = new Promise((resolve) => {
      gate.open = resolve;
    });
    const job = await here.client.jobs.submit(waiting, null, { name: "gate" });
    await here.open(`/jobs/${job.id}/waterfall`);
    await here.page.getByText(/\d span.*, \d open/).waitFor();
    gate.open();
    await spans(4).waitFor();
    await expect.poll(() => here.page.locator(".waterfall-counts").textContent()).toBe("4 spans");
  });

  it("goes on where it was when the server was away, without doubling a span", async () => {
    gate.opened = new Promise((resolve) => {
      gate.open = resolve;
    });
    const job = await here.client.jobs.submit(waiting, null, { name: "gate" });
    await here.open(`/jobs/${job.id}/waterfall`);
    await here.page.getByText(/\d span.*, \d open/).waitFor();
    await here.stage.stopServer();
    await here.page.getByText("It is tried again by itself").waitFor();
    await here.stage.startServer();
    await here.page.getByText("It is tried again by itself").waitFor({ state: "detached" });
    gate.open();
    await job.wait();
    await spans(4).waitFor();
    await expect.poll(() => here.page.locator(".waterfall-counts").textContent()).toBe("4 spans");
    // The browser itself tells of each call that did not come through.
    here.forgive(/Failed to load resource|ERR_/);
  });
});

describe("the waterfall in Chromium, by the pointer", () => {
  const box = async (locator: Locator) => (await locator.boundingBox())!;
  const drag = async (from: [number, number], to: [number, number]) => {
    await here.page.mouse.move(...from);
    await here.page.mouse.down();
    await here.page.mouse.move(...to, { steps: 4 });
    await here.page.mouse.up();
  };
  /** The labels of the time axis are drawn: that another time is shown is seen in the pixels alone. */
  const pixels = () => canvas().evaluate((element: HTMLCanvasElement) => element.toDataURL());

  it("shows the time that is chosen on the minimap, moves it, and all of it again", async () => {
    await openAlbum();
    const all = await pixels();
    const map = await box(here.page.locator(".waterfall-map"));
    const y = map.y + map.height / 2;
    await drag([map.x + 200, y], [map.x + 300, y]);
    await expect.poll(pixels).not.toBe(all);
    const chosen = await pixels();
    await drag([map.x + 250, y], [map.x + 400, y]);
    await expect.poll(pixels).not.toBe(chosen);
    await here.page.getByRole("button", { name: "Fit all of the time" }).click();
    await here.page.mouse.move(10, 10);
    await expect.poll(pixels).toBe(all);
  });

  it("gives names another width, tells of the span below it, and fills the window", async () => {
    await openAlbum();
    const lines = await box(canvas());
    const before = await pixels();
    await drag([lines.x + 320, lines.y + 100], [lines.x + 220, lines.y + 100]);
    await expect.poll(pixels).not.toBe(before);
    await here.page.mouse.move(lines.x + 400, lines.y + lineY(0));
    await here.page.locator(".span-tip", { hasText: "job album" }).waitFor();
    await here.page.getByRole("button", { name: "Full window" }).click();
    await expect.poll(async () => (await box(canvas())).height).toBeGreaterThan(lines.height);
    expect(await here.wideParts()).toEqual([]);
  });
});
