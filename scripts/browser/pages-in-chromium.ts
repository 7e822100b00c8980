import { Runner } from "@spanloom/runner";
import { task } from "@spanloom/sdk";
import { describe, expect, it } from "vitest";
import { useConsole } from "./use-console.ts";

const add = task({ name: "add", run: (input: { a: number; b: number }) => input.a + input.b });
const gates: (() => void)[] = [];
const wait = task({ name: "wait", run: () => new Promise<void>((resolve) => gates.push(resolve)) });
const openGates = () => {
  for (const open of gates.splice(0)) open();
};

const pass = { now: false };
const choosy = task({
  name: "choosy",
  run: () => {
    if (!pass.now) throw new Error("not yet");
    return "well";
  },
});

const here = useConsole({ tasks: [add, wait, choosy] });

/** The first task of a job, as the protocol has it in JSON. */
async function rootOf(jobId: string): Promise<unknown> {
  const response = await fetch(`${here.url}/spanloom.v1.JobService/ListTasks`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${here.stage.token}` },
    body: JSON.stringify({ jobId }),
  });
  const { tasks } = (await response.json()) as { tasks: unknown[] };
  return tasks[0];
}

describe("jobs in Chromium", () => {
  it("are submitted with their options, under a key once", async () => {
    for (const told of ["Submitted add", "was submitted under this key before"]) {
      await here.open("/jobs");
      await here.page.getByRole("button", { name: "Submit a job" }).first().click();
      await here.page.getByLabel("Task", { exact: true }).fill("add");
      await here.page.getByLabel("Input, as JSON").fill('{"a": 1, "b": 2}');
      await here.page.getByText("More options").click();
      await here.page.getByLabel("Attempts").fill("4");
      await here.page.getByLabel("Attempt timeout").fill("soon");
      await here.page.getByRole("button", { name: "Submit", exact: true }).click();
      await here.page.getByText("Attempt timeout “soon” is no length of time").waitFor();
      expect([await here.seriousFindings(), await here.wideParts()]).toEqual([[], []]);
      await here.page.getByLabel("Attempt timeout").fill("30s");
      await here.page.getByLabel("Idempotency key").fill("sums-1");
      await here.page.getByRole("button", { name: "Submit", exact: true }).click();
      await here.page.getByText(told).waitFor();
    }
    expect((await here.client.jobs.count({ name: "add" })).SUCCEEDED).toBe(1);
    const jobId = new URL(here.page.url()).pathname.split("/")[2]!;
    expect(await rootOf(jobId)).toMatchObject({ maxAttempts: 4 });
  });

  it("are cloned with another input, and keep their retries", async () => {
    const job = await here.client.jobs.submit(add, { a: 1, b: 2 }, { name: "first", retry: { maxAttempts: 3 } });
    await job.wait();
    await here.open(`/jobs/${job.id}`);
    await here.page.getByRole("button", { name: "Clone" }).click();
    await here.page.getByLabel("Input of add").fill('{"a": 40, "b": 2}');
    await here.page.getByRole("button", { name: "Clone" }).last().click();
    await here.page.locator("dd", { hasText: "clone of" }).waitFor();
    await here.page.getByRole("link", { name: "Output" }).click();
    await here.page.getByText("42", { exact: true }).waitFor();
    const id = new URL(here.page.url()).pathname.split("/")[2]!;
    expect(await rootOf(id)).toMatchObject({ maxAttempts: 3 });
  });

  it("are retried and cancelled several at once, and a failed task alone", async () => {
    const failed = await Promise.all(
      [1, 2].map(() => here.client.jobs.submit(choosy, undefined as never, { name: "many" })),
    );
    for (const job of failed) await job.wait();
    const held = await here.client.jobs.submit(wait, undefined as never, { name: "many" });
    await here.open("/jobs?name=many");
    await here.page.getByRole("row", { name: /running/ }).waitFor();
    await here.page.getByLabel("Choose all that are shown").check();
    await here.page.getByText("3 jobs chosen").waitFor();
    expect([await here.seriousFindings(), await here.wideParts()]).toEqual([[], []]);
    await here.page.getByRole("button", { name: "Cancel 1" }).click();
    await here.page.getByLabel("Reason").fill("enough");
    await here.page.getByRole("button", { name: "Cancel the job" }).click();
    await here.page.getByText("Cancelled many").waitFor();
    openGates();
    await here.page.getByRole("button", { name: "Retry 2" }).click();
    await here.page.getByText("Retried 2 jobs").waitFor();
    for (const job of failed) await job.wait();
    await here.open(`/jobs/${held.id}`);
    await here.page.locator(".fact", { hasText: /Cancelled because\s*enough/ }).waitFor();
    pass.now = true;
    await here.open(`/jobs/${failed[0]!.id}/tasks`);
    await here.page.getByRole("button", { name: "Retry choosy alone" }).click();
    await here.page.getByRole("heading", { name: /many\s+.*succeeded/ }).waitFor();
  });
});

describe("queues and runners in Chromium", () => {
  it("tell what waits for nobody, and who runs what, with the way to its job", async () => {
    await here.client.jobs.submit(add, { a: 1, b: 2 }, { queue: "nobody's" });
    const held = await here.client.jobs.submit(wait, undefined as never, { name: "held" });
    await here.open("/queues");
    await here.page.getByRole("row", { name: /nobody's\s+no runner serves it/ }).waitFor();
    const running = here.page.getByRole("region", { name: "Running now" });
    await running.getByRole("link", { name: "held" }).waitFor();
    await here.page.getByRole("img", { name: /attempts over time/ }).waitFor();
    await here.takePicture("queues");
    expect([await here.seriousFindings(), await here.wideParts()]).toEqual([[], []]);
    await running.getByRole("link", { name: "held" }).click();
    await here.page.waitForURL(new RegExp(held.id));
    openGates();
    await held.wait();
  });

  it("drain a runner, which finishes what it has and takes nothing more", async () => {
    const { url, token } = here.stage;
    await using spare = new Runner({ url, token, tasks: [add], queues: ["spare"], serviceName: "the spare one" });
    await spare.start();
    await here.open("/queues");
    const row = here.page.getByRole("row", { name: /the spare one/ });
    await row.getByRole("button", { name: "Drain" }).click();
    await here.page.getByText("There is no way back").waitFor();
    expect(await here.seriousFindings()).toEqual([]);
    await here.page.getByRole("button", { name: "Drain it" }).click();
    await row.getByText("draining").waitFor();
    await spare.drained;
    expect(await row.getByRole("button", { name: "Drain" }).count()).toBe(0);
    await spare.stop();
    await expect.poll(() => row.count()).toBe(0);
    await here.page.getByLabel("also those that stopped or were lost").check();
    await row.getByText("stopped").waitFor();
  });
});

describe("schedules in Chromium", () => {
  it("are fired, paused with a reason and resumed", async () => {
    const name = "nightly / <b>sums</b>";
    const at = { cron: "0 2 * * *", timeZone: "Europe/Berlin" };
    await here.client.schedules.put({ name, ...at, task: add, input: { a: 20, b: 22 }, description: "adds up" });
    await here.open("/schedules");
    await here.takePicture("schedules");
    expect([await here.seriousFindings(), await here.wideParts()]).toEqual([[], []]);
    await here.page.getByRole("link", { name }).click();
    await here.page.getByText("adds up").waitFor();
    await expect.poll(() => here.page.getByRole("list").getByRole("listitem").count()).toBe(5);
    await here.page.getByText("02:00 in Europe/Berlin").first().waitFor();
    await here.page.getByRole("button", { name: "Fire now" }).click();
    await here.page.getByRole("row", { name: /submitted.*succeeded.*asked for/ }).waitFor();
    await here.page.getByRole("button", { name: "Pause" }).click();
    await here.page.getByLabel("Reason").fill("the books are closed");
    await here.page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await here.page.getByText("Paused: the books are closed").waitFor();
    await here.page.getByText("if it were not paused").waitFor();
    expect(await here.seriousFindings()).toEqual([]);
    await here.page.getByRole("button", { name: "Resume" }).click();
    await here.page.getByText("active", { exact: true }).waitFor();
    expect(await here.page.locator("main b").count()).toBe(0);
  });

  it("stand beside triggers, which are tried, and events, which tell what they fired", async () => {
    const input = "{'a': event.payload.amount, 'b': 1}";
    await here.client.triggers.put({
      name: "ship",
      on: "order.paid",
      when: "event.payload.amount > 100",
      task: add,
      input,
    });
    const id = await here.client.events.publish("order.paid", { amount: 120 });
    await here.open("/schedules/triggers");
    await here.page.getByRole("link", { name: "ship", exact: true }).click();
    await here.page.getByText("Try an event").click();
    await here.page.getByLabel("Payload, as JSON").fill('{"amount": 99}');
    await here.page.getByRole("button", { name: "Try it" }).click();
    await here.page.getByText("It would not fire.").waitFor();
    await here.page.getByLabel("Payload, as JSON").fill('{"amount": 101}');
    await here.page.getByRole("button", { name: "Try it" }).click();
    await here.page.locator("pre", { hasText: '"a": 101' }).waitFor();
    expect([await here.seriousFindings(), await here.wideParts()]).toEqual([[], []]);
    await here.page
      .getByRole("row", { name: /submitted/ })
      .getByTitle(id)
      .click();
    await here.page.getByRole("heading", { name: "order.paid" }).waitFor();
    await here.page.getByRole("row", { name: /submitted.*succeeded/ }).waitFor();
    await here.page.getByRole("button", { name: "Publish again" }).click();
    await here.page.getByRole("status").getByRole("link", { name: "Open" }).click();
    await here.page.getByText("Repeats").waitFor();
    expect(await here.seriousFindings()).toEqual([]);
  });
});

describe("a server that is really restarted under an open page", () => {
  it("is told of once, and the page goes on by itself, with nothing twice", async () => {
    await (await here.client.jobs.submit(add, { a: 1, b: 2 }, { name: "before" })).wait();
    await here.open("/jobs?name=before");
    await here.page.locator("tbody tr").waitFor();
    await here.stage.stopServer();
    await here.page.getByText("The server is out of reach").waitFor();
    expect(await here.page.locator("tbody tr").count()).toBe(1);
    await here.stage.startServer();
    await here.page.getByText("connected", { exact: true }).waitFor();
    await (await here.client.jobs.submit(add, { a: 1, b: 2 }, { name: "before" })).wait();
    await expect.poll(() => here.page.locator("tbody tr").count()).toBe(2);
    expect(await here.page.locator(".toast").count()).toBe(0);
    expect(await here.page.getByText("The server is out of reach").count()).toBe(0);
    expect(
      here.forgive(/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED/),
    ).toBeGreaterThan(0);
  });
});

describe("a page whose token is taken away", () => {
  it("says so, keeps what it showed, and goes on with another", async () => {
    await (await here.client.jobs.submit(add, { a: 1, b: 2 }, { name: "kept" })).wait();
    await here.open("/jobs?name=kept");
    await here.page.locator("tbody tr").waitFor();
    const calls = "**/spanloom.v1.*/*";
    await here.context.route(calls, (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: "Bearer taken" } }),
    );
    await here.page.getByText("does not take this browser's token, or not any more").waitFor();
    expect(await here.page.locator("tbody tr").count()).toBe(1);
    expect(await here.seriousFindings()).toEqual([]);
    await here.page.getByRole("link", { name: "Enter another in the settings" }).click();
    await here.page.getByLabel("Token").fill(here.stage.token);
    await here.context.unroute(calls);
    await here.page.getByRole("button", { name: "Keep" }).click();
    await here.page.getByText("The server answers.").waitFor();
    expect(await here.page.locator(".toast").count()).toBe(1);
    expect(here.forgive(/401/)).toBeGreaterThan(0);
  });
});

describe("clocks and zones", () => {
  it.each([-3_600_000, 3_600_000])("of a browser that is %d ms off do not change ages", async (offMs) => {
    await (await here.client.jobs.submit(add, { a: 1, b: 2 }, { name: "aged" })).wait();
    await here.page.clock.install({ time: Date.now() + offMs });
    await here.open("/jobs?name=aged&period=15m");
    const row = here.page.locator("tbody tr").first();
    await row.getByText(/^(now|\d+s ago)$/).waitFor();
    await here.page.getByRole("link", { name: "Settings" }).click();
    await here.page.getByText(offMs < 0 ? /ahead of this browser's/ : /behind this browser's/).waitFor();
  });

  it("of the reader are those that times are told in", async () => {
    const at = { cron: "0 2 * * *", timeZone: "Europe/Berlin" };
    await here.client.schedules.put({ name: "in berlin", ...at, task: add, input: { a: 1, b: 2 } });
    await using far = await here.stage.newPage({ timezoneId: "Asia/Kolkata" });
    await far.open("/schedules?name=in%20berlin");
    // 02:00 of Berlin, in summer or winter.
    await far.page
      .getByText(/ (05|06):30:00$/)
      .first()
      .waitFor();
    await far.page.getByText("02:00 in Europe/Berlin").first().waitFor();
    expect(far.complaints).toEqual([]);
  });
});
