/**
 * Measures the waterfall in Chromium: `node scripts/browser/measure-waterfall.ts <spans> [<folder for pictures>]`.
 *
 * A real job whose attempts fail and retry, and so many spans of its code sent by OTLP. Told are the time from the page's
 * start to its first frame with all spans, and the times between frames while it is panned and zoomed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { QueryClient } from "@spanloom/query";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { chromium, type Page } from "playwright-core";
import { findChromium } from "./find-chromium.ts";

const [count = "100000", pictures] = process.argv.slice(2);
const wanted = Number(count);

const work = task({
  name: "resize image",
  run: async (n: number, ctx) => {
    ctx.log.info(`resizes image ${n}`);
    if (n === 3 || (n % 7 === 0 && ctx.attempt === 1)) throw new TypeError(`image ${n} has no size`);
  },
});
const audit = task({
  name: "audit",
  run: (_input: null, ctx) => {
    for (let n = 0; n < 24; n++)
      ctx.submit(work, n, { retry: { maxAttempts: 2, initialDelayMs: 300 }, optional: true });
  },
});

async function send(url: string, jobId: string, parents: readonly { trace: string; span: string; startNs: bigint }[]) {
  const names = ["SELECT images", "GET /thumbnail", "decode", "encode", "upload part"];
  const BATCH = 5_000;
  for (let sent = 0; sent < wanted; sent += BATCH) {
    const spans = Array.from({ length: Math.min(BATCH, wanted - sent) }, (_, at) => {
      const n = sent + at;
      const parent = parents[n % parents.length]!;
      const nth = Math.floor(n / parents.length);
      const startNs = parent.startNs + BigInt(nth) * 40_000n;
      const inner = nth % 4 !== 0;
      const above = n - (nth % 4) * parents.length;
      return {
        traceId: parent.trace,
        spanId: (0x1000_0000 + n).toString(16).padStart(16, "0"),
        parentSpanId: inner ? (0x1000_0000 + above).toString(16).padStart(16, "0") : parent.span,
        name: names[n % names.length],
        startTimeUnixNano: String(startNs),
        endTimeUnixNano: String(startNs + BigInt(inner ? 30_000 + (n % 900) * 1_000 : 4_000_000)),
        status: n % 9_973 === 7 ? { code: 2, message: "refused" } : {},
        attributes: [{ key: "spanloom.job.id", value: { stringValue: jobId } }],
      };
    });
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/v1/traces`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`cannot send spans: ${answer.status} ${await answer.text()}`);
  }
}

/** Times between frames while something is done in every one of them. */
async function frameTimes(page: Page, move: "pan" | "scroll" | "zoom"): Promise<Record<string, number>> {
  const times = await page.evaluate(async (how) => {
    const canvas = document.querySelector<HTMLCanvasElement>(".waterfall-lines")!;
    const events: Record<string, (n: number) => WheelEventInit> = {
      pan: (n) => ({ shiftKey: true, deltaY: n % 120 < 60 ? 40 : -40 }),
      scroll: (n) => ({ deltaY: n % 120 < 60 ? 900 : -700 }),
      zoom: (n) => ({ ctrlKey: true, deltaY: n % 120 < 60 ? -60 : 60 }),
    };
    const found: number[] = [];
    let last = await new Promise(requestAnimationFrame);
    for (let n = 0; n < 300; n++) {
      const init = { ...events[how]!(n), clientX: 800, clientY: 500, bubbles: true, cancelable: true };
      canvas.dispatchEvent(new WheelEvent("wheel", init));
      const now = await new Promise<number>(requestAnimationFrame);
      found.push(now - last);
      last = now;
    }
    return found.sort((a, b) => a - b);
  }, move);
  const at = (part: number) => Math.round(times[Math.floor(part * (times.length - 1))]! * 10) / 10;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

const folder = mkdtempSync(path.join(tmpdir(), "spanloom-waterfall-"));
const server = await startServer({ dataDir: path.join(folder, "data") });
const runner = new Runner({ url: server.url, tasks: [audit, work] });
await runner.start();
const browser = await chromium.launch({
  executablePath: findChromium(process.env) ?? "chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const client = new Client({ url: server.url });
  const job = await client.jobs.submit(audit, null, { name: "thumbnails" });
  await job.wait();
  const query = new QueryClient({ url: server.url });
  const attempts = async () =>
    await query
      .spans({ job: job.id, type: "attempt", open: false })
      .columns("trace_id", "span_id", "start_time")
      .toArrow();
  let table = await attempts();
  while (table.numRows < 20) table = await attempts();
  const starts = table.getChild("start_time")!.data[0]!.values as BigInt64Array;
  const parents = table
    .toArray()
    .map((row, at) => ({ trace: row.trace_id as string, span: row.span_id as string, startNs: starts[at]! }));
  await send(server.url, job.id, parents);
  console.log("stored", (await query.spans({ job: job.id }).columns("name").toArrow()).numRows);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on("console", (message) => message.type() === "error" && console.error("console:", message.text()));
  page.on("pageerror", (error) => console.error("page:", error.message));
  const open = async () => {
    await page.goto(`${server.url}/jobs/${job.id}/waterfall`);
    await page.waitForFunction(
      (n) => Number(document.querySelector<HTMLElement>(".waterfall-counts")?.dataset.spans ?? 0) >= n,
      wanted,
      { polling: "raf", timeout: 8_000 },
    );
    return Math.round(
      await page.evaluate(
        () => new Promise<number>((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      ),
    );
  };
  const firstPaintMs = [await open(), await open(), await open()];
  console.log(JSON.stringify({ spans: wanted, firstPaintMs }));
  if (pictures) await page.screenshot({ path: path.join(pictures, "waterfall.png") });
  await page.locator(".waterfall-lines").focus();
  for (let n = 0; n < 12; n++) await page.keyboard.press("+");
  for (const move of ["pan", "scroll", "zoom"] as const)
    console.log(move, JSON.stringify(await frameTimes(page, move)));
  await page.keyboard.press("0");
  await page.getByLabel("failed only").check();
  await page.getByRole("button", { name: "Next" }).click();
  await page.locator(".span-panel").waitFor({ timeout: 5_000 });
  if (pictures) await page.screenshot({ path: path.join(pictures, "waterfall-failed.png") });
  await page.getByLabel("Find spans").fill("resize");
  await page.getByRole("button", { name: "Next" }).click();
  await page.locator(".span-stack").first().waitFor({ timeout: 5_000 });
  await page.getByRole("button", { name: "Fold all of this name" }).click();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(400);
  if (pictures) await page.screenshot({ path: path.join(pictures, "waterfall-folded.png") });
} catch (error) {
  for (const page of browser.contexts().flatMap((each) => each.pages())) {
    console.log((await page.locator("main").innerText()).slice(0, 900));
    await page.screenshot({ path: "/dev/shm/tmp/wf/fail.png" });
  }
  throw error;
} finally {
  await browser.close();
  await runner.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
