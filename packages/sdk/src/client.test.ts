import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { JobState, TraceMode, TriggerInfoSchema, TriggerType, timestampFromUs } from "@spanloom/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { contextOfCarrier } from "./carrier.ts";
import { Client } from "./client.ts";
import { task } from "./task.ts";
import { allOf } from "./testing/all-of.ts";
import { FakeJobService } from "./testing/fake-job-service.ts";
import { startedClient } from "./testing/started-client.ts";

const echo = task({ name: "echo", run: (text: string) => text });
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const start = () => startedClient(new FakeJobService());

describe("submitting", () => {
  it("sends one job alone, with name, input and a key of its own", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "hi", { tags: { team: "a" }, traceMode: "link", deadlineMs: 1_500 });
    expect(job).toMatchObject({ id: "job-1", name: "echo" });
    expect(service.calls).toEqual({ submitJob: 1 });
    expect(service.requests[0]).toMatchObject({ name: "echo", tags: { team: "a" }, traceMode: TraceMode.LINK });
    expect(service.requests[0]!.deadline).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
    expect(service.requests[0]!.idempotencyKey).toHaveLength(36);
  });

  it("sends how many may wait under the job's key, and nothing when any number may", async () => {
    const { service, client } = start();
    const concurrency = { key: "k", limit: 1 };
    await client.jobs.submit(echo, "a", { concurrency: { ...concurrency, maxWaiting: 3 } });
    await client.jobs.submit(echo, "b", { concurrency });
    expect(service.requests.map((request) => request.concurrency?.maxWaiting)).toEqual([3, undefined]);
    const none = client.jobs.submit(echo, "c", { concurrency: { ...concurrency, maxWaiting: 0 } });
    await expect(none).rejects.toThrow("concurrency.maxWaiting is 0, must be a whole number in 1..100000");
  });

  it("gathers jobs submitted at the same time into one request", async () => {
    const { service, client } = start();
    const jobs = await Promise.all(["a", "b", "c"].map((text) => client.jobs.submit(echo, text)));
    expect(jobs.map((job) => job.id)).toEqual(["job-1", "job-2", "job-3"]);
    expect(service.calls).toEqual({ submitJobs: 1 });
  });

  it("sends at most 1,000 jobs in a request", async () => {
    const { service, client } = start();
    const jobs = await client.jobs.submitMany(
      echo,
      Array.from({ length: 2_500 }, (_, i) => String(i)),
    );
    expect(new Set(jobs.map((job) => job.id)).size).toBe(2_500);
    expect(service.calls).toEqual({ submitJobs: 3 });
  });

  it("refuses one job of many without harm to the others", async () => {
    const { client } = start();
    const [good, bad] = await Promise.allSettled([
      client.jobs.submit(echo, "a"),
      client.jobs.submit(echo, "b", { name: "refused" }),
    ]);
    expect(good.status).toBe("fulfilled");
    expect(bad).toMatchObject({ status: "rejected", reason: { reason: "INVALID_FIELD" } });
  });

  it("makes no second job when the answer was lost", async () => {
    const { service, client } = start();
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    const job = await client.jobs.submit(echo, "once");
    expect(job.id).toBe("job-1");
    expect(service.calls).toEqual({ submitJob: 2 });
    expect(service.jobs.size).toBe(1);
  });

  it("fails before anything is sent when the input is not data", async () => {
    const { service, client } = start();
    const bad = task({ name: "bad", run: (_: unknown) => undefined });
    await expect(client.jobs.submit(bad, { big: 1n })).rejects.toThrow('cannot submit task "bad": its payload');
    expect(service.calls).toEqual({});
  });

  it("submits a job with several roots and dependencies among them", async () => {
    const { service, client } = start();
    const job = await client.jobs.compose("pair", (roots) => {
      const first = roots.submit(echo, "first");
      roots.submit(echo, "second", { dependsOn: first });
    });
    expect(service.requests[0]!.tasks!.groups.map((group) => group.dependsOn)).toEqual([[], [0]]);
    service.end(job.id, { state: JobState.SUCCEEDED, output: "only one kept by the fake" });
    expect(await job.result()).toEqual(["only one kept by the fake"]);
    await expect(client.jobs.compose("none", () => undefined)).rejects.toThrow(
      'cannot submit job "none": it has no tasks',
    );
  });
});

describe("trace context", () => {
  it("of a given carrier goes along, and none when refused", async () => {
    const { service, client } = start();
    await client.jobs.submit(echo, "a", { trace: { traceparent, tracestate: "k=v" } });
    await client.jobs.submit(echo, "b", { trace: false });
    expect(service.requests[0]!.trace).toMatchObject({ traceparent, tracestate: "k=v", baggage: "" });
    expect(service.requests[1]!.trace).toBeUndefined();
    expect(contextOfCarrier({ traceparent })).not.toBe(ROOT_CONTEXT);
  });
});

describe("waiting", () => {
  it("returns the output of a job that succeeded", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    const result = job.result();
    service.end(job.id, { state: JobState.SUCCEEDED, output: "X" });
    expect(await result).toBe("X");
    expect(await job.wait()).toMatchObject({ state: "SUCCEEDED", output: "X" });
  });

  it("throws JobFailedError, with the job, for one that did not", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    service.end(job.id, { state: JobState.FAILED, failure: "boom" });
    await expect(job.result()).rejects.toMatchObject({
      name: "JobFailedError",
      message: 'cannot return the result of job "echo" (job-1): it ended FAILED: Error: boom',
      job: { id: "job-1", failure: { message: "boom" } },
    });
  });

  it("uses a few polls for any number of jobs", async () => {
    const { service, client } = start();
    const jobs = await client.jobs.submitMany(
      echo,
      Array.from({ length: 300 }, (_, i) => String(i)),
    );
    const waiting = client.jobs.wait(jobs.map((job) => job.id));
    for (const job of jobs) service.end(job.id, { state: JobState.SUCCEEDED, output: 1 });
    expect(await waiting).toHaveLength(300);
    expect(service.calls.waitJobs).toBeLessThanOrEqual(4);
  });

  it("answers everyone who waits for the same job", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    const both = Promise.all([job.wait(), client.jobs.wait(job.id)]);
    service.end(job.id, { state: JobState.SUCCEEDED });
    expect((await both).map(({ state }) => state)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  });

  it("ends with the time limit, and the job goes on", async () => {
    const { client } = start();
    const job = await client.jobs.submit(echo, "x");
    await expect(job.wait({ timeoutMs: 5 })).rejects.toThrow(
      'cannot wait for job "job-1": it has not ended within 5 ms',
    );
  });

  it("says that a job does not exist", async () => {
    const { client } = start();
    await expect(client.jobs.wait("nope")).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
  });

  it("ends when the client is closed", async () => {
    const { client } = start();
    const job = await client.jobs.submit(echo, "x");
    const waiting = job.wait();
    client.close();
    client.close();
    await expect(waiting).rejects.toThrow("the client was closed");
  });
});

describe("reading", () => {
  it("pages through lists, and stops at the limit", async () => {
    const { service, client } = start();
    await client.jobs.submitMany(
      echo,
      Array.from({ length: 1_200 }, (_, i) => String(i)),
    );
    expect(new Set((await allOf(client.jobs.list())).map((job) => job.id)).size).toBe(1_200);
    expect(service.calls.listJobs).toBe(3);
    expect(await allOf(client.jobs.list({ limit: 7 }))).toHaveLength(7);
  });

  it("finds jobs by what set them going, which each of them tells", async () => {
    const { service, client } = start();
    const { id } = await client.jobs.submit(echo, "x");
    const scheduledAt = timestampFromUs(5_000_000)!;
    const trigger = { type: TriggerType.SCHEDULE, schedule: "nightly", scheduleId: "s", scheduledAt, backfill: true };
    Object.assign(service.jobs.get(id)!, {
      trigger: create(TriggerInfoSchema, trigger),
      retriedAt: scheduledAt,
      cancelReason: "why not",
    });
    const wanted = { triggerTypes: ["SCHEDULE", "MANUAL"], schedule: "nightly", trigger: "t" } as const;
    const [job] = await allOf(client.jobs.list(wanted));
    const triggerTypes = [TriggerType.SCHEDULE, TriggerType.MANUAL];
    expect(service.filters).toMatchObject([{ triggerTypes, schedule: "nightly", trigger: "t" }]);
    expect(job).toMatchObject({ retriedAt: new Date(5_000), cancelReason: "why not" });
    expect(job!.trigger).toEqual({
      type: "SCHEDULE",
      schedule: "nightly",
      scheduleId: "s",
      scheduledAt: new Date(5_000),
      backfill: true,
      depth: 0,
    });
  });

  it("tells of a job that an event started", async () => {
    const { service, client } = start();
    const { id } = await client.jobs.submit(echo, "x");
    const trigger = { type: TriggerType.WEBHOOK, trigger: "t", triggerId: "i", eventId: "e", depth: 2 };
    service.jobs.get(id)!.trigger = create(TriggerInfoSchema, trigger);
    expect((await client.jobs.get(id)).trigger).toEqual({ ...trigger, type: "WEBHOOK" });
  });

  it("watches a job to its end, over streams that break", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    const states: string[] = [];
    for await (const { state } of job.watch()) {
      states.push(state);
      if (states.length === 2) service.end(job.id, { state: JobState.SUCCEEDED });
    }
    expect(states).toEqual(["QUEUED", "QUEUED", "SUCCEEDED"]);
    expect(service.calls.watchJob).toBe(2);
  });

  it("cancels by id or by handle", async () => {
    const { client } = start();
    const job = await client.jobs.submit(echo, "x");
    expect(await job.cancel("no longer needed")).toMatchObject({ state: "CANCELLED" });
    await expect(client.jobs.cancel("nope")).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
  });
});

describe("running a job again", () => {
  it("retries an ended job, all of it or some tasks, and waits for its next end", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    await expect(job.retry()).rejects.toMatchObject({ reason: "INVALID_STATE" });
    service.end(job.id, { state: JobState.FAILED });
    await job.wait();
    expect(await job.retry()).toMatchObject({ job: { id: job.id, state: "RUNNING" }, retried: 7 });
    const result = job.result();
    service.end(job.id, { state: JobState.SUCCEEDED, output: "X" });
    expect(await result).toBe("X");
    service.end(job.id, { state: JobState.CANCELLED });
    expect(await client.jobs.retry(job.id, { tasks: ["a", "b"] })).toMatchObject({ retried: 2 });
  });

  it("asks for a retry again under the same key, and for the next one under another", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    service.end(job.id, { state: JobState.CANCELLED });
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    expect(await job.retry()).toMatchObject({ job: { state: "RUNNING" }, retried: 7 });
    service.end(job.id, { state: JobState.CANCELLED });
    await job.retry();
    const [first, repeated, next] = service.retryKeys;
    expect(first).not.toBe("");
    expect(repeated).toBe(first);
    expect(next).not.toBe(first);
  });

  it("clones with edits, under a key of its own", async () => {
    const { service, client } = start();
    const job = await client.jobs.submit(echo, "x");
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    const clone = await client.jobs.clone(job.id, { name: "again", tags: { try: "2" } });
    expect(clone).toMatchObject({ id: "job-2", name: "again" });
    expect(service.clones[1]).toMatchObject({ jobId: job.id, name: "again", tags: { try: "2" } });
    expect(service.clones[1]!.idempotencyKey).toBe(service.clones[0]!.idempotencyKey);
    expect(service.clones[1]!.tasks).toBeUndefined();
    service.end(clone.id, { state: JobState.SUCCEEDED, output: "y" });
    expect(await clone.result()).toBe("y");
    await client.jobs.clone(job.id, { build: (roots) => void roots.submitMany(echo, ["a", "b"]) });
    expect(service.clones[2]!.tasks!.groups[0]!.inputs).toHaveLength(2);
    await client.jobs.clone(job.id, { inputs: { 0: { to: "eu" }, 2: undefined } });
    expect(service.clones[3]!.inputs).toEqual({ 0: new TextEncoder().encode('{"to":"eu"}'), 2: new Uint8Array() });
    const misplaced = client.jobs.clone(job.id, { inputs: { [-1]: "x" } });
    await expect(misplaced).rejects.toThrow('inputs has the key "-1", must be the place of a root');
    const empty = client.jobs.clone(job.id, { build: () => undefined });
    await expect(empty).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  });
});

describe("outputs too large for one answer", () => {
  it("are read page by page when a job is waited for or read", async () => {
    const { service, client } = start();
    const job = await client.jobs.compose("large", (roots) => void roots.submitMany(echo, ["a", "b"]));
    service.largeOutputs.set(job.id, ["A", "B"]);
    service.end(job.id, { state: JobState.SUCCEEDED });
    expect(await job.result()).toEqual(["A", "B"]);
    expect(await client.jobs.get(job.id)).toMatchObject({ output: "A", outputs: ["A", "B"] });
  });
});

describe("a connection", () => {
  it("refuses a URL that is none", () => {
    expect(() => new Client({ url: "localhost:7171" })).toThrow(
      'cannot connect to "localhost:7171": the URL must start with http:// or https://',
    );
  });

  it("names the server that cannot be reached", async () => {
    const client = new Client({ url: "http://127.0.0.1:9", retry: { maxAttempts: 1 } });
    onTestFinished(() => client.close());
    await expect(client.jobs.get("x")).rejects.toMatchObject({
      reason: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/^cannot reach the server at http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/),
    });
  });
});
