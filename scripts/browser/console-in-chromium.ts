import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { Runner } from "@spanloom/runner";
import { Client, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { problemsOf } from "../check/command.ts";
import { findChromium } from "./find-chromium.ts";

const root = path.dirname(path.dirname(import.meta.dirname));
const token = "secret";
/** Where pictures of the pages are put; none are taken without it. */
const pictures = process.env.SPANLOOM_PICTURES;

const add = task({ name: "add", run: (input: { a: number; b: number }) => input.a + input.b });
const breakDown = task({
  name: "break",
  run: () => {
    throw new TypeError("<b>it</b> broke");
  },
});

let folder: string;
let server: RunningServer;
let runner: Runner;
let client: Client;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  const built = await problemsOf(root, "turbo", ["run", "build", "--filter=@spanloom/console", "--output-logs=none"]);
  expect(built).toEqual([]);
  folder = mkdtempSync(path.join(tmpdir(), "spanloom-console-"));
  server = await startServer({ dataDir: path.join(folder, "data"), token });
  runner = new Runner({ url: server.url, token, tasks: [add, breakDown] });
  await runner.start();
  client = new Client({ url: server.url, token });
  const executablePath = findChromium(process.env) ?? "chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
});

afterAll(async () => {
  await browser?.close();
  await runner?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  complaints = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
});

afterEach(() => context?.close());

/** Opens a page with the token that a person entered before. */
async function open(where: string): Promise<void> {
  await context.addInitScript((text) => localStorage.setItem("spanloom.token", text), token);
  await page.goto(server.url + where);
}

/** What axe finds that keeps somebody from using the page. */
async function seriousFindings(): Promise<unknown[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]) }));
}

async function takePicture(name: string): Promise<void> {
  if (pictures !== undefined) await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

describe("the console in Chromium, with one job,", () => {
  it("asks for the token, keeps it in the browser, and goes on by itself", async () => {
    await page.goto(server.url);
    await page.getByRole("link", { name: "Enter it in the settings" }).click();
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByText("The server answers.").waitFor();
    expect(await page.evaluate(() => Object.entries(localStorage))).toEqual([["spanloom.token", token]]);
    expect(await context.cookies()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.getByText("connected", { exact: true }).waitFor();
    // A refused call is all that the browser itself told of.
    expect(complaints.filter((text) => !text.includes("401"))).toEqual([]);
  });

  it("submits a job and shows how it ends", async () => {
    await open("/jobs");
    await page.getByRole("button", { name: "Submit a job" }).first().click();
    await page.getByRole("dialog").waitFor();
    await page.getByLabel("Task", { exact: true }).fill("add");
    await page.getByLabel("Input, as JSON").fill('{"a": 1, "b": ');
    await page.getByRole("button", { name: "Submit", exact: true }).click();
    await page.getByText("The input is no JSON").waitFor();
    await page.getByLabel("Input, as JSON").fill('{"a": 1, "b": 41}');
    await page.getByLabel("Tags", { exact: true }).fill("region=eu, owner=ann");
    await takePicture("submit");
    expect(await seriousFindings()).toEqual([]);
    await page.getByRole("button", { name: "Submit", exact: true }).click();
    await page.getByRole("heading", { name: /add\s+.*succeeded/ }).waitFor();
    await page.getByRole("link", { name: "Output" }).click();
    await page.getByText("42", { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  it("tells how a job failed, takes no markup from it, and retries and clones it", async () => {
    const failed = await client.jobs.submit(breakDown, undefined as never, { name: "broken" });
    await failed.wait();
    await open(`/jobs/${failed.id}`);
    await page.getByText("<b>it</b> broke").first().waitFor();
    expect(await page.locator("main b").count()).toBe(0);
    await page.getByText("Stack").click();
    await page
      .getByText(/TypeError.*at /s)
      .first()
      .waitFor();
    await takePicture("failed");
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText("1 task runs again").waitFor();
    await page.getByRole("button", { name: "Clone" }).click();
    await page.getByLabel("Name").fill("broken again");
    await page.getByRole("button", { name: "Clone" }).last().click();
    await page.getByRole("heading", { name: /broken again\s+.*failed/ }).waitFor();
    await page.locator("dd", { hasText: "clone of" }).waitFor();
    expect(await seriousFindings()).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe("the console in Chromium, as a whole,", () => {
  it("keeps the conditions of the list in the URL", async () => {
    for (const region of ["eu", "us"])
      await (await client.jobs.submit(add, { a: 1, b: 2 }, { tags: { region } })).wait();
    await open("/jobs");
    await page.getByRole("button", { name: "failed" }).click();
    await page.waitForURL(/state=failed/);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("button", { name: "region us" }).first().click();
    await page.waitForURL(/tags=region%3Dus/);
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    await page.reload();
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it("is used by keys alone", async () => {
    await (await client.jobs.submit(add, { a: 1, b: 2 })).wait();
    await open("/jobs");
    await page.locator("tbody tr").first().waitFor();
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").textContent()).toMatch("Skip to the page");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
    await page.keyboard.press("g");
    await page.keyboard.press("q");
    await page.getByRole("heading", { name: "Queues" }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await page.keyboard.press("/");
    expect(await page.locator(":focus").getAttribute("id")).toBe("search");
  });

  it.each(["light", "dark"] as const)("has no serious barrier on any page, in %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    for (const [where, sign] of [
      ["/jobs", "tbody tr"],
      ["/queues", "tbody tr"],
      ["/settings", ".card"],
      ["/nothing", ".notice"],
    ] as const) {
      await open(where);
      await page.locator(sign).first().waitFor();
      await takePicture(`${where.slice(1)}-${colorScheme}`);
      expect([where, await seriousFindings()]).toEqual([where, []]);
    }
    expect(complaints).toEqual([]);
  });

  it("says when the server is out of reach, and goes on by itself when it is back", async () => {
    await open("/jobs");
    await page.locator("tbody tr").first().waitFor();
    await context.route("**/spanloom.v1.*/*", (route) => route.abort("connectionrefused"));
    await page.getByText("The server is out of reach").waitFor();
    expect(await page.locator("tbody tr").count()).toBeGreaterThan(0);
    await takePicture("offline");
    await context.unroute("**/spanloom.v1.*/*");
    await page.getByText("connected", { exact: true }).waitFor();
  });
});
