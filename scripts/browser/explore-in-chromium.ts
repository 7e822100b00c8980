import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type FileFormat, QueryClient } from "@spanloom/query";
import { task } from "@spanloom/sdk";
import type { Download, Locator } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useConsole } from "./use-console.ts";

const resize = task({
  name: "resize",
  run: ({ n }: { n: number }) => {
    if (n === 2) throw new TypeError("<b>broken</b>");
    return n;
  },
});

const here = useConsole({ tasks: [resize] });

/** Spans of no job, 300 of two names, a tenth of the slow ones failed. */
const COUNT = 300;

beforeAll(async () => {
  const nowMs = Date.now();
  const spans = Array.from({ length: COUNT }, (_, n) => {
    const slow = n % 3 === 0;
    const startNs = BigInt(nowMs - 1_000 * (10 + n * 5)) * 1_000_000n;
    return {
      traceId: (n + 1).toString(16).padStart(32, "0"),
      spanId: (n + 1).toString(16).padStart(16, "0"),
      name: slow ? "<b>slow</b>" : "fast",
      startTimeUnixNano: String(startNs),
      endTimeUnixNano: String(startNs + (slow ? 2_000_000_000n : 5_000_000n)),
      status: slow && n % 30 === 0 ? { code: 2 } : {},
      attributes: [{ key: "code", value: { intValue: slow ? "500" : "200" } }],
    };
  });
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };
  const answer = await fetch(`${here.url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${here.stage.token}` },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  });
  expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
  for (const n of [1, 2]) {
    const job = await here.client.jobs.submit(resize, { n }, { name: "images" });
    await job.wait();
  }
});

const groups = (): Locator => here.page.getByRole("region", { name: "Groups of spans" }).locator("tbody tr");
const spans = (): Locator =>
  here.page.getByRole("region", { name: "Spans of the filter" }).locator("tbody tr:not(.gap)");
const figure = (name: string): Locator => here.page.locator(".figure", { hasText: name }).locator("dd");

/** Drags over a part of a drawing; the places are parts of its size. */
async function drag(what: Locator, from: [number, number], to: [number, number]): Promise<void> {
  await what.scrollIntoViewIfNeeded();
  const box = await what.boundingBox();
  if (!box) throw new Error("cannot drag: it is not to be seen");
  const point = ([x, y]: [number, number]): [number, number] => [box.x + x * box.width, box.y + y * box.height];
  await here.page.mouse.move(...point(from));
  await here.page.mouse.down();
  await here.page.mouse.move(...point(to), { steps: 4 });
  await here.page.mouse.up();
}

async function download(name: string, group: RegExp): Promise<Buffer> {
  const { page } = here;
  await page.locator("summary", { hasText: "Download" }).click();
  const coming: Promise<Download> = page.waitForEvent("download");
  await page.getByRole("group", { name: group }).getByRole("button", { name, exact: true }).click();
  const file = await coming;
  await page.getByText(": done").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  return readFileSync(await file.path());
}

describe("exploring spans in Chromium", () => {
  it("narrows to a group and to a part of the time, and the browser's way back leads out again", async () => {
    const { page } = here;
    await here.open("/explore?attributes=code");
    await expect.poll(() => figure("Spans").textContent()).toContain(String(COUNT));
    await expect
      .poll(() => groups().allTextContents())
      .toEqual([expect.stringMatching(/^fast/), expect.stringMatching(/^<b>slow/)]);
    expect(await page.locator("main b:not(.chart-reading b)").count()).toBe(0);
    await groups().getByRole("button", { name: "<b>slow</b>" }).click();
    await page.waitForURL(/name=%3D%3Cb%3Eslow/);
    await expect.poll(() => figure("Spans").textContent()).toContain("100");
    await page.goBack();
    await expect.poll(() => figure("Spans").textContent()).toContain(String(COUNT));
    await drag(page.getByRole("img", { name: /Percentiles/ }), [0.5, 0.5], [0.97, 0.5]);
    await page.waitForURL(/from=\d+&to=\d+/);
    await page.getByLabel("From", { exact: true }).waitFor();
  });

  it("shows where in durations spans are, and those of a part of the map", async () => {
    const { page } = here;
    await here.open("/explore?attributes=code");
    const map = page.getByRole("img", { name: /Durations of 300 spans/ });
    await map.waitFor();
    await drag(map, [0.1, 0.02], [0.99, 0.3]);
    await page.waitForURL(/min=.*max=/);
    await expect.poll(() => figure("Spans").textContent()).toContain("100");
    expect(await figure("p50").textContent()).toContain("2.0s");
    await page.getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => page.url()).not.toContain("min=");
  });

  it("leads from a span to where it is in its job", async () => {
    const { page } = here;
    await here.open("/explore?status=ERROR&type=attempt");
    await expect.poll(() => spans().count()).toBe(1);
    await spans().getByRole("link", { name: "resize" }).click();
    await page.waitForURL(/\/jobs\/[0-9a-f-]+\/waterfall\?span=[0-9a-f]{16}/);
    await page.locator(".span-panel").getByText("<b>broken</b>").first().waitFor();
  });

  it("draws any measure of groups over time, and narrows to one of its legend", async () => {
    const { page } = here;
    await here.open("/explore?attributes=code");
    await page.getByLabel("Measure of the chart").selectOption("p95");
    await page.getByRole("img", { name: /^p95 of the largest groups/ }).waitFor();
    const legend = page.getByRole("region", { name: "Groups over time" }).locator(".chart-legend");
    await expect.poll(() => legend.allTextContents()).toEqual([" <b>slow</b> fast"]);
    await legend.getByRole("button", { name: "fast" }).click();
    await expect.poll(() => figure("Spans").textContent()).toContain("200");
    expect(page.url()).toContain("chart=p95");
  });

  it("groups by attributes and sorts by what was measured", async () => {
    const { page } = here;
    await here.open("/explore?attributes=code&group=%40code&sort=p99_ns");
    await expect
      .poll(() => groups().allTextContents())
      .toEqual([expect.stringMatching(/^200/), expect.stringMatching(/^500/)]);
    await page.getByRole("region", { name: "Groups of spans" }).getByRole("button", { name: "p99" }).click();
    await expect.poll(() => groups().first().textContent()).toMatch(/^500/);
    await groups().getByRole("button", { name: "500" }).click();
    await expect.poll(() => figure("Spans").textContent()).toContain("100");
  });
});

describe("files of what is explored, in Chromium,", () => {
  it("are those that Node writes, in each format", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "spanloom-explore-"));
    const client = new QueryClient({ url: here.url, token: here.stage.token });
    const nodeWrites = async (format: FileFormat) => {
      const file = path.join(folder, `spans.${format}`);
      const { rows } = await client.spans({ attributes: { code: { exists: true } } }).toFile(file);
      expect(rows).toBe(COUNT);
      return readFileSync(file);
    };
    try {
      await here.open("/explore?attributes=code");
      await expect.poll(() => figure("Spans").textContent()).toContain(String(COUNT));
      for (const [name, format] of [
        ["CSV", "csv"],
        ["Arrow", "arrow"],
        ["Parquet", "parquet"],
      ] as const)
        expect((await download(name, /Spans/)).equals(await nodeWrites(format)), format).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("hold the groups", async () => {
    await here.open("/explore?attributes=code&group=name,status&measures=count,p50");
    await expect.poll(() => figure("Spans").textContent()).toContain(String(COUNT));
    expect(String(await download("CSV", /Groups/))).toBe(
      "name,status,count,p50_ns\n<b>slow</b>,ERROR,10,2000000000\n<b>slow</b>,UNSET,90,2000000000\nfast,UNSET,200,5000000\n",
    );
  });
});

describe("the page to explore in Chromium", () => {
  it("says what it leaves out, that nothing is there, and what the server refuses", async () => {
    const { page } = here;
    await here.open("/explore?min=soon");
    await page.getByText("write 250ms, 1.5s or 2m").waitFor();
    await here.open("/explore?name=%3Dnobody");
    await page.getByRole("heading", { name: "No span is like that in the last hour" }).waitFor();
    expect(await here.seriousFindings()).toEqual([]);
    await page.getByRole("button", { name: "Look at all times" }).click();
    await page.getByRole("heading", { name: "No span is like that", exact: true }).waitFor();
    await here.open("/explore?name=%2F(%2F");
    await page.getByRole("alert").getByText("INVALID_FIELD").waitFor();
    here.forgive(/status of 400/);
  });

  it("keeps what it showed while the server is out of reach, and asks again when it is back", async () => {
    const { page } = here;
    await here.open("/explore?attributes=code&every=10s");
    await expect.poll(() => groups().count()).toBe(2);
    await here.context.route("**/spanloom.v1.*/*", (route) => route.abort("connectionrefused"));
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("The server is out of reach").waitFor();
    expect(await groups().count()).toBe(2);
    const asked = page.waitForRequest(/AggregateSpans/, { timeout: 30_000 });
    await here.context.unroute("**/spanloom.v1.*/*");
    await asked;
    await page.getByText("connected", { exact: true }).waitFor();
    expect(await groups().count()).toBe(2);
    here.forgive(/ERR_CONNECTION_REFUSED/);
  });

  it("gives a download up when it is cancelled", async () => {
    const { page } = here;
    await here.open("/explore?attributes=code");
    await expect.poll(() => figure("Spans").textContent()).toContain(String(COUNT));
    await here.context.route("**/QuerySpans", () => undefined);
    await page.locator("summary", { hasText: "Download" }).click();
    await page.getByRole("group", { name: /Spans/ }).getByRole("button", { name: "CSV", exact: true }).click();
    await page.getByText("0 of 300 rows").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await page.getByRole("region", { name: "Download" }).count()).toBe(0);
  });

  it.each(["light", "dark"] as const)("has no serious barrier, in %s", async (colorScheme) => {
    const { page } = here;
    await page.emulateMedia({ colorScheme });
    await here.open("/explore?period=24h");
    await page.getByRole("img", { name: /Durations of/ }).waitFor();
    await spans().first().waitFor();
    await page.locator("summary", { hasText: "Download" }).click();
    expect(await here.seriousFindings()).toEqual([]);
    expect(await here.wideParts()).toEqual([]);
    await page.keyboard.press("Escape");
    expect(await page.getByRole("group", { name: /Spans/ }).isVisible()).toBe(false);
    await here.takePicture(`explore-${colorScheme}`);
  });
});
