import { task } from "@spanloom/sdk";
import { describe, expect, it } from "vitest";
import { useConsole } from "./use-console.ts";

const add = task({ name: "add", run: (input: { a: number; b: number }) => input.a + input.b });
const breakDown = task({
  name: "break",
  run: () => {
    throw new TypeError("<b>it</b> broke");
  },
});

const here = useConsole({ tasks: [add, breakDown] });

describe("the console in Chromium, with one job,", () => {
  it("asks for the token, keeps it in the browser, and goes on by itself", async () => {
    await here.page.goto(here.url);
    await here.page.getByRole("link", { name: "Enter it in the settings" }).click();
    await here.page.getByLabel("Token").fill(here.stage.token);
    await here.page.getByRole("button", { name: "Keep" }).click();
    await here.page.getByText("The server answers.").waitFor();
    expect(await here.page.evaluate(() => Object.entries(localStorage))).toEqual([
      ["spanloom.token", here.stage.token],
    ]);
    expect(await here.context.cookies()).toEqual([]);
    await here.page.keyboard.press("Escape");
    await here.page.getByRole("link", { name: "Jobs", exact: true }).click();
    await here.page.getByText("connected", { exact: true }).waitFor();
    // A refused call is all that the browser itself told of.
    here.forgive(/401/);
  });

  it("submits a job and shows how it ends", async () => {
    await here.open("/jobs");
    await here.page.getByRole("button", { name: "Submit a job" }).first().click();
    await here.page.getByRole("dialog").waitFor();
    await here.page.getByLabel("Task", { exact: true }).fill("add");
    await here.page.getByLabel("Input, as JSON").fill('{"a": 1, "b": ');
    await here.page.getByRole("button", { name: "Submit", exact: true }).click();
    await here.page.getByText("The input is no JSON").waitFor();
    await here.page.getByLabel("Input, as JSON").fill('{"a": 1, "b": 41}');
    await here.page.getByLabel("Tags", { exact: true }).fill("region=eu, owner=ann");
    await here.takePicture("submit");
    expect(await here.seriousFindings()).toEqual([]);
    await here.page.getByRole("button", { name: "Submit", exact: true }).click();
    await here.page.getByRole("heading", { name: /add\s+.*succeeded/ }).waitFor();
    await here.page.getByRole("link", { name: "Output" }).click();
    await here.page.getByText("42", { exact: true }).waitFor();
  });

  it("tells how a job failed, takes no markup from it, and retries and clones it", async () => {
    const failed = await here.client.jobs.submit(breakDown, undefined as never, { name: "broken" });
    await failed.wait();
    await here.open(`/jobs/${failed.id}`);
    await here.page.getByText("<b>it</b> broke").first().waitFor();
    expect(await here.page.locator("main b").count()).toBe(0);
    await here.page.getByText("<b>it</b> broke").first().click();
    await here.page
      .getByText(/TypeError.*at /s)
      .first()
      .waitFor();
    await here.takePicture("failed");
    await here.page.getByRole("button", { name: "Retry", exact: true }).click();
    await here.page.getByText("1 task runs again").waitFor();
    await here.page.getByRole("button", { name: "Clone" }).click();
    await here.page.getByLabel("Name").fill("broken again");
    await here.page.getByRole("button", { name: "Clone" }).last().click();
    await here.page.getByRole("heading", { name: /broken again\s+.*failed/ }).waitFor();
    await here.page.locator("dd", { hasText: "clone of" }).waitFor();
    expect(await here.seriousFindings()).toEqual([]);
  });
});

describe("the console in Chromium, as a whole,", () => {
  it("keeps the conditions of the list in the URL", async () => {
    for (const region of ["eu", "us"])
      await (await here.client.jobs.submit(add, { a: 1, b: 2 }, { tags: { region } })).wait();
    await here.open("/jobs");
    await here.page.getByRole("button", { name: "failed" }).click();
    await here.page.waitForURL(/state=failed/);
    await here.page.getByRole("button", { name: "Clear" }).click();
    await here.page.getByRole("button", { name: "region us" }).first().click();
    await here.page.waitForURL(/tags=region%3Dus/);
    await expect.poll(() => here.page.locator("tbody tr").count()).toBe(1);
    await here.page.reload();
    await expect.poll(() => here.page.locator("tbody tr").count()).toBe(1);
  });

  it("is used by keys alone", async () => {
    await (await here.client.jobs.submit(add, { a: 1, b: 2 })).wait();
    await here.open("/jobs");
    await here.page.locator("tbody tr").first().waitFor();
    await here.page.keyboard.press("Tab");
    expect(await here.page.locator(":focus").textContent()).toMatch("Skip to the page");
    await here.page.keyboard.press("j");
    await here.page.keyboard.press("Enter");
    await here.page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
    await here.page.keyboard.press("g");
    await here.page.keyboard.press("q");
    await here.page.getByRole("heading", { name: "Queues" }).waitFor();
    await here.page.keyboard.press("?");
    await here.page.getByRole("dialog", { name: "Keys" }).waitFor();
    await here.page.keyboard.press("Escape");
    await here.page.keyboard.press("g");
    await here.page.keyboard.press("j");
    await here.page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await here.page.keyboard.press("/");
    expect(await here.page.locator(":focus").getAttribute("id")).toBe("search");
  });

  it("says when the server is out of reach, and goes on by itself when it is back", async () => {
    await here.open("/jobs");
    await here.page.locator("tbody tr").first().waitFor();
    await here.context.route("**/spanloom.v1.*/*", (route) => route.abort("connectionrefused"));
    await here.page.getByText("The server is out of reach").waitFor();
    expect(await here.page.locator("tbody tr").count()).toBeGreaterThan(0);
    await here.takePicture("offline");
    await here.context.unroute("**/spanloom.v1.*/*");
    await here.page.getByText("connected", { exact: true }).waitFor();
    here.forgive(/ERR_CONNECTION_REFUSED/);
  });
});
