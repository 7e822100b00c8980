import { createHmac } from "node:crypto";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  EventService,
  EventSource,
  JobService,
  TraceMode,
  TriggerService,
  TriggerType,
  WebhookScheme,
} from "@spanloom/protocol";
import { tempDir, waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { serveStubs } from "./rpc/testing/stubs.ts";
import { SqliteStore } from "./store/sqlite/index.ts";

const SECRET = "known to both sides";
const SENDER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

let dir: ReturnType<typeof tempDir>;
let server: Awaited<ReturnType<typeof serveStubs>>;
let events: Client<typeof EventService>;
let triggers: Client<typeof TriggerService>;
let jobs: Client<typeof JobService>;
beforeEach(async () => {
  dir = tempDir();
  const store = new SqliteStore({ dataDir: dir.path, nowUs: () => systemClock.nowUs() });
  server = await serveStubs({ store, secrets: { keys: [], environment: () => SECRET } });
  const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" });
  events = createClient(EventService, transport);
  triggers = createClient(TriggerService, transport);
  jobs = createClient(JobService, transport);
});
afterEach(async () => {
  await server.stop();
  dir[Symbol.dispose]();
});

const build = {
  name: "build",
  tasks: { specs: [{ identifier: { name: "build" } }], groups: [{ inputs: [new Uint8Array(0)], specs: [0] }] },
};

async function deliver(id: string, payload: object, headers: Record<string, string> = {}): Promise<string> {
  const body = JSON.stringify(payload);
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  const response = await fetch(`${server.url}/hooks/code`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-github-event": "push",
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${signature}`,
      ...headers,
    },
    body,
  });
  expect(response.status).toBe(202);
  return ((await response.json()) as { event_id: string }).event_id;
}

/** An event that every trigger has seen. */
const matched = (eventId: string) =>
  waitFor(async () => {
    const { event } = await events.getEvent({ eventId });
    return event?.matched ? event : undefined;
  });

test("a delivery starts a job that says so, in the sender's trace, and once though it is sent again", async () => {
  await events.putWebhook({
    name: "code",
    scheme: WebhookScheme.GITHUB,
    secrets: [{ secret: { case: "env", value: "HOOK_SECRET" } }],
    headers: ["User-Agent"],
  });
  await triggers.putTrigger({
    name: "on push",
    keyPattern: "webhook.code.push",
    filter: "event.payload.ref == 'refs/heads/main' && event.metadata['user-agent'] == 'GitHub-Hookshot/1'",
    input: "{'commit': event.payload.after, 'delivery': event.metadata['x-github-delivery']}",
    job: build,
    traceMode: TraceMode.CHILD,
  });
  const headers = {
    "user-agent": "GitHub-Hookshot/1",
    traceparent: `00-${SENDER.traceId}-${SENDER.spanId}-01`,
  };
  const push = { ref: "refs/heads/main", after: "c0ffee" };
  const eventId = await deliver("d-1", push, headers);
  const event = await matched(eventId);
  expect(event).toMatchObject({ source: EventSource.WEBHOOK, webhook: "code", key: "webhook.code.push", depth: 0 });
  const { job } = await jobs.getJob({ jobId: event.firings[0]?.jobId ?? "" });
  expect(job?.trigger).toMatchObject({ type: TriggerType.WEBHOOK, trigger: "on push", eventId });
  expect(job?.span?.traceId).toBe(SENDER.traceId);
  const { tasks } = await jobs.listTasks({ jobId: job?.id ?? "" });
  const { task } = await jobs.getTask({ taskId: tasks[0]?.id ?? "" });
  expect(JSON.parse(Buffer.from(task?.input ?? []).toString())).toEqual({ commit: "c0ffee", delivery: "d-1" });

  expect(await deliver("d-1", push, headers)).toBe(eventId);
  const other = await deliver("d-2", { ref: "refs/heads/other", after: "c0ffee" }, headers);
  expect((await matched(other)).firings).toEqual([]);
  expect((await jobs.listJobs({ filter: { triggerTypes: [TriggerType.WEBHOOK] } })).jobs).toHaveLength(1);
  const listed = await events.listEvents({ filter: { webhook: "code" } });
  expect(listed.events.map(({ id }) => id)).toEqual([other, eventId]);
});

test("a delivery stays an event of a webhook that is deleted", async () => {
  const secrets = [{ secret: { case: "env" as const, value: "HOOK_SECRET" } }];
  await events.putWebhook({ name: "code", scheme: WebhookScheme.GITHUB, secrets });
  const eventId = await deliver("d-1", {});
  await events.deleteWebhook({ name: "code" });
  expect((await events.getEvent({ eventId })).event?.webhook).toBe("code");
});
