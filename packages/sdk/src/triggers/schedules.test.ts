import { Code, ConnectError } from "@connectrpc/connect";
import { FiringOutcome, OverlapPolicy, TraceMode } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { task } from "../task.ts";
import { allOf } from "../testing/all-of.ts";
import { FakeTriggerService, firing } from "../testing/fake-trigger-service.ts";
import { startedClient } from "../testing/started-client.ts";
import type { ScheduleTimes } from "./schedule-times.ts";

const report = task({ name: "report", queue: "slow", run: (input: { day: string }) => input.day });
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const start = () => startedClient(new FakeTriggerService());

describe("putting a schedule", () => {
  it("sends times, the job as a submission would have it, and behaviour", async () => {
    const { service, client } = start();
    const put = await client.schedules.put({
      name: "nightly",
      cron: "0 3 * * *",
      timeZone: "Europe/Berlin",
      jitter: "30s",
      task: report,
      input: { day: "today" },
      tags: { team: "a" },
      queue: "batch",
      priority: 5,
      deadlineMs: 1_500,
      retry: { maxAttempts: 3 },
      overlap: "queueOne",
      catchUp: "2h",
      keepFirings: 7,
      description: "for the morning",
    });
    expect(put).toMatchObject({ created: true, changed: true, schedule: { name: "nightly", overlap: "queueOne" } });
    const [request] = service.puts;
    expect(request).toMatchObject({
      description: "for the morning",
      overlap: OverlapPolicy.QUEUE_ONE,
      keepFirings: 7,
      paused: false,
      catchUp: { seconds: 7_200n },
      spec: {
        times: { case: "cron", value: { expression: "0 3 * * *", timeZone: "Europe/Berlin" } },
        jitter: { seconds: 30n },
      },
    });
    expect(request!.job).toMatchObject({
      name: "report",
      tags: { team: "a" },
      queue: "batch",
      priority: 5,
      deadline: { seconds: 1n, nanos: 500_000_000 },
      tasks: { specs: [{ identifier: { name: "report" }, queue: "slow", retry: { maxAttempts: 3 } }] },
    });
    expect(new TextDecoder().decode(request!.job!.tasks!.groups[0]!.inputs[0])).toBe('{"day":"today"}');
  });

  it("leaves key, start and trace to the schedule, also when tags bring a trace context", async () => {
    const { service, client } = start();
    await client.schedules.put({ name: "n", every: 1_000, task: report, input: { day: "" }, tags: { traceparent } });
    expect(service.puts[0]!.job).toMatchObject({ idempotencyKey: "", tags: {}, traceMode: TraceMode.UNSPECIFIED });
    expect(service.puts[0]!.job).not.toHaveProperty("trace");
    expect(service.puts[0]!.job).not.toHaveProperty("startAt");
  });

  it("sends the same request for the same schedule", async () => {
    const { service, client } = start();
    for (let time = 0; time < 2; time++)
      await client.schedules.put({
        name: "n",
        every: "5m",
        task: report,
        input: { day: "" },
        tags: { b: "1", a: "2" },
      });
    expect(service.puts[0]).toEqual(service.puts[1]);
  });

  it("takes several roots, named after the schedule", async () => {
    const { service, client } = start();
    await client.schedules.put({
      name: "pipeline",
      at: new Date(1e12),
      build(roots) {
        const first = roots.submit(report, { day: "a" });
        roots.submit(report, { day: "b" }, { dependsOn: first });
      },
    });
    const { job, spec } = service.puts[0]!;
    expect(job).toMatchObject({ name: "pipeline", tasks: { groups: [{}, { dependsOn: [0] }] } });
    expect(spec!.times).toMatchObject({ case: "once", value: { seconds: 1_000_000_000n } });
  });

  it.each([
    [{ every: "5m" }, { case: "interval", value: { every: { seconds: 300n } } }],
    [{ every: 1_500 }, { case: "interval", value: { every: { seconds: 1n, nanos: 500_000_000 } } }],
    [{ every: "0.5d", anchor: new Date(5_000) }, { value: { every: { seconds: 43_200n }, anchor: { seconds: 5n } } }],
  ] as [ScheduleTimes, object][])("reads an interval of %o", async (times, expected) => {
    const { service, client } = start();
    await client.schedules.preview(times);
    expect(service.previews[0]!.spec!.times).toMatchObject(expected);
  });

  it("is repeated when the answer was lost", async () => {
    const { service, client } = start();
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    const put = await client.schedules.put({ name: "n", every: "1s", task: report, input: { day: "" } });
    expect(service.calls).toEqual({ putSchedule: 2 });
    expect(put).toMatchObject({ created: false, schedule: { id: "id of n" } });
  });

  const nothing = (): void => undefined;
  const valid = { name: "n", task: report, input: { day: "" } };
  it.each([
    [{ ...valid }, "none of cron, every and at is given, must be one"],
    [{ ...valid, cron: "@daily", every: "5m" }, "cron and every are given, must be one"],
    [{ ...valid, every: "5 minutes" }, 'every is "5 minutes", must be milliseconds or a text such as'],
    [{ ...valid, every: Number.NaN }, "every is NaN, must be"],
    [{ ...valid, every: -1 }, "every is -1, must be"],
    [{ ...valid, at: new Date("never") }, "at is Invalid Date, must be a valid Date"],
    [{ ...valid, at: 5 }, "at is 5, must be a valid Date"],
    [{ ...valid, every: "1h", timeZone: "Europe/Berlin" }, "timeZone is given without cron"],
    [{ ...valid, cron: "@daily", anchor: new Date() }, "anchor is given without every"],
    [{ ...valid, every: "1h", overlap: "queue" }, 'overlap is "queue", must be skip, queueOne, allow or cancelRunning'],
    [{ ...valid, every: "1h", keepFirings: 0 }, "keepFirings is 0, must be a whole number in 1..10000"],
    [{ ...valid, every: "1h", catchUp: "long" }, 'catchUp is "long", must be'],
    [{ ...valid, every: "1h", build: nothing }, "both task and build are given, must be one"],
    [{ name: "n", every: "1h" }, "neither task nor build is given, must be one"],
    [{ name: "n", every: "1h", build: nothing }, "its job has no tasks"],
    [{ ...valid, every: "1h", deadlineMs: 0 }, "deadlineMs is 0, must be"],
    [{ ...valid, every: "1h", priority: 1.5 }, "priority is 1.5, must be"],
  ])("refuses %o by name before anything is sent", async (options, message) => {
    const { service, client } = start();
    const put = client.schedules.put(options as never);
    await expect(put).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    await expect(put).rejects.toThrow(`cannot put schedule "n": ${message}`);
    expect(service.calls).toEqual({});
  });
});

describe("schedules", () => {
  const times = { every: "1h", task: report, input: { day: "x" } } as const;

  it("come back as plain data", async () => {
    const { client } = start();
    await client.schedules.put({ name: "n", ...times, jitter: "1s", catchUp: 500 });
    const schedule = await client.schedules.get("n");
    expect(schedule).toEqual({
      id: "id of n",
      name: "n",
      description: "",
      times: { everyMs: 3_600_000 },
      jitterMs: 1_000,
      overlap: "skip",
      catchUpMs: 500,
      keepFirings: 0,
      paused: false,
      createdAt: new Date(1e12),
      updatedAt: new Date(0),
      nextTimes: [],
      revision: 0,
      job: {
        name: "report",
        tags: {},
        queue: "",
        priority: 0,
        tasks: [{ name: "report", version: "1.0", input: { day: "x" } }],
      },
    });
  });

  it("are paused with a reason, resumed and deleted", async () => {
    const { client } = start();
    await client.schedules.put({ name: "n", ...times });
    expect(await client.schedules.pause("n", "holidays")).toMatchObject({ paused: true, pauseReason: "holidays" });
    expect(await client.schedules.resume("n")).not.toHaveProperty("pauseReason");
    expect(await client.schedules.delete("n")).toBe(true);
    expect(await client.schedules.delete("n")).toBe(false);
    await expect(client.schedules.get("n")).rejects.toMatchObject({ reason: "SCHEDULE_NOT_FOUND" });
  });

  it("are listed page by page, as far as they are read", async () => {
    const { service, client } = start();
    for (let i = 0; i < 1_201; i++) await client.schedules.put({ name: `n${i}`, ...times });
    expect(await allOf(client.schedules.list())).toHaveLength(1_201);
    expect(service.calls.listSchedules).toBe(3);
    expect(await allOf(client.schedules.list({ limit: 501 }))).toHaveLength(501);
    expect(service.calls.listSchedules).toBe(5);
    for await (const _ of client.schedules.list()) break;
    expect(service.calls.listSchedules).toBe(6);
  });

  it("preview times after a date", async () => {
    const { service, client } = start();
    const next = await client.schedules.preview({ cron: "@daily" }, { after: new Date(7_000), count: 2 });
    expect(next).toEqual([new Date(1e12), new Date(2e12)]);
    expect(service.previews[0]).toMatchObject({ after: { seconds: 7n }, count: 2 });
  });

  it("are backfilled for a range", async () => {
    const { service, client } = start();
    const range = { from: new Date(1_000), until: new Date(2_000) };
    const { firings, fired } = await client.schedules.backfill("n", { ...range, maxFirings: 9 });
    expect([firings.map(({ id }) => id), fired]).toEqual([["one", "two"], 2]);
    expect(service.backfills[0]).toMatchObject({
      name: "n",
      from: { seconds: 1n },
      until: { seconds: 2n },
      maxFirings: 9,
    });
    const bad = client.schedules.backfill("n", { ...range, until: new Date(Number.NaN) });
    await expect(bad).rejects.toThrow('cannot backfill schedule "n": until is Invalid Date');
  });

  it("are fired by hand once, whatever is lost", async () => {
    const { service, client } = start();
    await client.schedules.put({ name: "n", ...times });
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    expect(await client.schedules.fire("n", { trace: { traceparent } })).toEqual({
      id: "by hand",
      sourceId: "",
      outcome: "SUBMITTED",
      jobId: "by hand",
      scheduledAt: new Date(1e12),
      firedAt: new Date(1e12 + 500),
      requested: false,
      count: 1,
    });
    expect(service.fires).toHaveLength(2);
    expect(service.fires[0]!.idempotencyKey).toHaveLength(36);
    expect(service.fires[1]).toEqual(service.fires[0]);
    expect(service.fires[0]!.trace).toMatchObject({ traceparent });
    await client.schedules.fire("n", { idempotencyKey: "mine", trace: false });
    expect(service.fires[2]).toMatchObject({ idempotencyKey: "mine" });
    expect(service.fires[2]).not.toHaveProperty("trace");
  });

  it("list their firings by outcome", async () => {
    const { service, client } = start();
    service.firings.push(firing("a"), firing("b"));
    const outcomes = ["MISSED", "FAILED"] as const;
    expect(await allOf(client.schedules.firings("n", { outcomes, limit: 1 }))).toMatchObject([{ id: "a" }]);
    expect(service.firingLists[0]).toMatchObject({ schedule: "n", trigger: "", pageSize: 1 });
    expect(service.firingLists[0]!.outcomes).toEqual([FiringOutcome.MISSED, FiringOutcome.FAILED]);
  });
});
