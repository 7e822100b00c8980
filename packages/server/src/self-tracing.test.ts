import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { durationFromMs, EventService, JobService, QueryService, TaskService, WebhookScheme } from "@spanloom/protocol";
import { Span_SpanKind, Status_StatusCode } from "@spanloom/protocol/otlp";
import { OtlpPeer, tempDir, waitFor } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import { afterEach, describe, expect, it } from "vitest";
import { LoopRunner, returned } from "./rpc/testing/loop-runner.ts";
import { SELF_TRACING_SCOPE } from "./self-tracing/own-telemetry.ts";
import { span, tracePayload } from "./telemetry/ingest/otlp-fixture.ts";
import { type RecordedSpan, recordedSpans, SpanCollector } from "./testing/recorded-spans.ts";
import { ServerPrograms, transportTo } from "./testing/server-program.ts";

const programs = new ServerPrograms();
afterEach(() => programs.killAll());

const CALLER = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const headers = { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` };
const otlp = join(import.meta.dirname, "../../exporters/otlp/src/index.ts");

const work = {
  name: "job",
  tasks: { specs: [{ identifier: { name: "work" } }], groups: [{ inputs: [new Uint8Array(0)], specs: [0] }] },
};

async function startTraced(
  peer: SpanCollector,
  dataDir: string,
  extra: { args?: string[]; env?: Record<string, string> } = {},
) {
  const args = ["--self-tracing", peer.url, ...(extra.args ?? [])];
  const program = programs.start({ dataDir, args, ...(extra.env && { env: extra.env }) });
  let told = "";
  program.child.stderr?.on("data", (chunk: Buffer) => (told += chunk.toString()));
  return { ...program, told: () => told, url: await program.url };
}

/** Spans of a name, once one has come that fits. */
function spansOf(peer: SpanCollector, name: string, fits: (span: RecordedSpan) => boolean = () => true) {
  const find = () => recordedSpans(peer).filter((each) => each.name === name && fits(each));
  return waitFor(() => (find().length > 0 ? find() : undefined), { what: `a span ${name}` });
}

async function postSpans(url: string, count: number): Promise<void> {
  const body = new Uint8Array(tracePayload(Array.from({ length: count }, (_, i) => span(i + 1))));
  const type = { "content-type": "application/x-protobuf" };
  expect((await fetch(`${url}/v1/traces`, { method: "POST", headers: { ...type, ...headers }, body })).status).toBe(
    200,
  );
}

describe("spanloom-server --self-tracing", () => {
  it("traces calls, commits, scheduling, ingest, spool, inserts and exporters", async () => {
    using dir = tempDir();
    await using peer = await new SpanCollector().start();
    await using backend = await new OtlpPeer().start();
    const env = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${backend.url}/v1/traces`,
      OTEL_RESOURCE_ATTRIBUTES: "team=blue",
      SPANLOOM_RETENTION_DAYS: "10000",
    };
    const server = await startTraced(peer, dir.path, { args: ["--exporter", otlp], env });
    const transport = transportTo(server.url);
    const runner = new LoopRunner(transport, { work: () => returned("done") });
    const polling = runner.exchange([], { waitMs: 20_000 });
    await waitFor(async () => (await createClient(JobService, transport).getQueueStats({})).queues.length >= 0);
    await createClient(JobService, transport).submitJob(work, { headers });
    await runner.exchange(runner.run((await polling).tasks).results);
    await postSpans(server.url, 3);

    const [submit] = await spansOf(peer, "spanloom.v1.JobService/SubmitJob");
    expect(submit).toMatchObject({
      traceId: CALLER.traceId,
      parentSpanId: CALLER.spanId,
      kind: Span_SpanKind.SERVER,
      attributes: {
        "rpc.system.name": "connectrpc",
        "rpc.method": "spanloom.v1.JobService/SubmitJob",
        "rpc.response.status_code": "OK",
      },
      resource: { "service.name": "spanloom-server", "service.version": expect.any(String), team: "blue" },
    });
    expect(submit?.resource["service.instance.id"]).toMatch(/^[0-9a-f-]{36}$/);
    const [commit] = await spansOf(peer, "store.commit", (each) => each.parentSpanId === submit?.spanId);
    expect(commit?.attributes).toMatchObject({
      "db.system.name": "sqlite",
      "db.operation.batch.size": 2,
      "spanloom.tasks.leased": 1,
      "spanloom.jobs.changed": 1,
    });
    const [wake] = await spansOf(peer, "scheduler.wake", (each) => each.parentSpanId === commit?.spanId);
    expect(wake?.attributes).toEqual({
      "spanloom.tasks.ready": 1,
      "spanloom.waiters.woken": 1,
      "spanloom.tasks.leased": 1,
    });
    await spansOf(peer, "scheduler.maintain", (each) => each.attributes["spanloom.leases.lost"] === 0);
    const [post] = await spansOf(peer, "POST /v1/traces");
    expect(post).toMatchObject({ traceId: CALLER.traceId, attributes: { "http.response.status_code": 200 } });
    const [ingest] = await spansOf(peer, "telemetry.ingest", (each) => each.parentSpanId === post?.spanId);
    expect(ingest?.attributes).toMatchObject({ "spanloom.ingest.payloads": 1, "spanloom.ingest.rejected_spans": 0 });
    const [flush] = await spansOf(peer, "spool.flush", (each) => each.parentSpanId === ingest?.spanId);
    expect(flush?.attributes["spanloom.spool.bytes"]).toBeGreaterThan(0);
    await spansOf(peer, "telemetry.insert", (each) => each.attributes["spanloom.insert.source"] === "lifecycle");
    const inserts = await spansOf(
      peer,
      "telemetry.insert",
      (each) => each.attributes["spanloom.insert.source"] === "otlp",
    );
    expect(inserts[0]).toMatchObject({ parentSpanId: "", attributes: { "spanloom.insert.rows": 3 } });
    const [sent] = await spansOf(peer, "forward.export");
    expect(sent?.attributes).toMatchObject({ "spanloom.exporter.name": otlp, "spanloom.export.outcome": "exported" });
  });

  it("notes errors as exception events, and sets the status where the server failed, over Connect and gRPC", async () => {
    using dir = tempDir();
    await using peer = await new SpanCollector().start();
    const { url, child, end } = await startTraced(peer, dir.path);
    const grpc = createGrpcTransport({ baseUrl: url });
    const unknown = { jobId: crypto.randomUUID() };
    for (const transport of [transportTo(url), grpc]) {
      await createClient(JobService, transport)
        .getJob(unknown)
        .catch(() => undefined);
      await createClient(TaskService, transport).leaseTasks({ runnerId: unknown.jobId, wait: durationFromMs(0) });
    }
    await (async () => {
      for await (const _ of createClient(QueryService, grpc).querySpans({ columns: ["nonsense"] }))
        expect.unreachable();
    })().catch(() => undefined);
    const jobs = createClient(JobService, transportTo(url));
    const { job } = await jobs.submitJob(work);
    const watching = (async () => {
      for await (const _ of jobs.watchJob({ jobId: job?.id ?? "" })) child.kill("SIGTERM");
    })();
    await expect(watching).rejects.toThrow();
    expect((await end).code).toBe(0);
    const [connect, overGrpc] = await spansOf(peer, "spanloom.v1.JobService/GetJob");
    expect(connect?.attributes).toMatchObject({
      "rpc.system.name": "connectrpc",
      "rpc.response.status_code": "NOT_FOUND",
      "error.type": "JOB_NOT_FOUND",
    });
    expect(overGrpc?.attributes).toMatchObject({
      "rpc.system.name": "grpc",
      "rpc.response.status_code": "NOT_FOUND",
    });
    for (const each of [connect, overGrpc]) {
      expect(each?.status ?? 0).toBe(Status_StatusCode.UNSET);
      expect(each?.events).toMatchObject([
        {
          name: "exception",
          attributes: {
            "exception.type": "SpanloomError",
            "exception.message": expect.stringContaining(unknown.jobId),
          },
        },
      ]);
    }
    const [watch] = await spansOf(peer, "spanloom.v1.JobService/WatchJob");
    expect(watch).toMatchObject({
      status: Status_StatusCode.ERROR,
      attributes: { "rpc.response.status_code": "UNAVAILABLE", "error.type": "SHUTTING_DOWN" },
      events: [{ name: "exception" }],
    });
    const [query] = await spansOf(peer, "spanloom.v1.QueryService/QuerySpans");
    expect(query?.attributes).toMatchObject({ "rpc.response.status_code": "INVALID_ARGUMENT" });
    const leases = await spansOf(peer, "spanloom.v1.TaskService/LeaseTasks");
    expect(leases.map(({ attributes }) => attributes["rpc.response.status_code"]).toSorted()).toEqual(["OK", "OK"]);
  });

  it("traces deliveries to webhooks under one name, and holds nothing of secrets and signatures", async () => {
    using dir = tempDir();
    await using peer = await new SpanCollector().start();
    const { url } = await startTraced(peer, dir.path, { env: { HOOK_SECRET: "known to both sides" } });
    await createClient(EventService, transportTo(url)).putWebhook({
      name: "orders",
      scheme: WebhookScheme.HMAC,
      hmac: { signatureHeader: "x-signature" },
      secrets: [{ secret: { case: "env", value: "HOOK_SECRET" } }],
    });
    const right = createHmac("sha256", "known to both sides").update("{}").digest("hex");
    const wrong = right.replace(/./g, "0");
    for (const signature of [right, wrong]) {
      const signed = { "content-type": "application/json", "x-signature": signature };
      await fetch(`${url}/hooks/orders`, { method: "POST", headers: { ...signed, ...headers }, body: "{}" });
    }
    const status = (code: number) => (each: RecordedSpan) => each.attributes["http.response.status_code"] === code;
    const [taken] = await spansOf(peer, "POST /hooks/{name}", status(202));
    expect(taken).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId, events: [] });
    await spansOf(peer, "store.commit", (each) => each.parentSpanId === taken?.spanId);
    const [refused] = await spansOf(peer, "POST /hooks/{name}", status(401));
    expect(refused).toMatchObject({
      status: Status_StatusCode.UNSET,
      attributes: { "http.route": "/hooks/{name}", "error.type": "UNAUTHENTICATED" },
      events: [{ name: "exception" }],
    });
    const sent = Buffer.concat(peer.bodies).toString("latin1");
    for (const secret of ["known to both sides", right, wrong]) expect(sent).not.toContain(secret);
  });

  it("goes on while the peer is away, and says so once", async () => {
    using dir = tempDir();
    const peer = await new SpanCollector().start();
    const server = await startTraced(peer, dir.path, { env: { OTEL_EXPORTER_OTLP_TIMEOUT: "500" } });
    await peer[Symbol.asyncDispose]();
    const jobs = createClient(JobService, transportTo(server.url));
    for (let i = 0; i < 20; i++) await jobs.submitJob(work);
    await waitFor(() => server.told().includes("self-tracing: cannot export"));
    for (let i = 0; i < 20; i++) await jobs.submitJob(work);
    server.child.kill("SIGTERM");
    const { code, errors } = await server.end;
    expect(code).toBe(0);
    expect(errors.match(/self-tracing: cannot export, spans are lost meanwhile/g)).toHaveLength(1);
  });

  it("loads nothing of it when it is off", async () => {
    using dir = tempDir();
    const code = `
      import { createRequire } from "node:module";
      const { startServer } = await import(${JSON.stringify(join(import.meta.dirname, "server.ts"))});
      const server = await startServer({ dataDir: ${JSON.stringify(dir.path)} });
      await server.stop();
      console.log(Object.keys(createRequire(import.meta.filename ?? "/x.js").cache).filter((file) => /sdk-trace|exporter-trace/.test(file)).length);
      process.exit(0);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
    expect(stdout.trim().split("\n").at(-1)).toBe("0");
  });
});

describe("self-tracing that comes back", () => {
  /** More than three seconds: spans are exported after one, stored within one more and forwarded within another. */
  const QUIET_POLLS = 700;

  /** Whatever the server is asked to trace of its own work, it must come to rest. */
  async function comesToRest(count: () => number | Promise<number>): Promise<void> {
    let [last, quiet] = [-1, 0];
    await waitFor(async () => {
      const now = await count();
      quiet = now === last ? quiet + 1 : 0;
      last = now;
      return quiet > QUIET_POLLS;
    });
  }

  it("into the own store ends there, and is forwarded without a span", async () => {
    using dir = tempDir();
    await using backend = await new OtlpPeer().start();
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${backend.url}/v1/traces` };
    const { url } = programs.start({ dataDir: dir.path, args: ["--self-tracing", "self", "--exporter", otlp], env });
    const transport = transportTo(await url);
    await createClient(JobService, transport).submitJob(work);
    await waitFor(() => recordedSpans(backend).some(({ name }) => name === "spanloom.v1.JobService/SubmitJob"));
    await comesToRest(() => backend.requests.length);
    const scopes = backend.traces.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.map(({ scope }) => scope?.name)),
    );
    expect(scopes).toContain(SELF_TRACING_SCOPE);
    const names = new Set<string>();
    for await (const { chunk } of createClient(QueryService, transport).querySpans({
      filter: { services: ["spanloom-server"] },
    })) {
      for (const row of tableFromIPC(chunk?.ipc ?? new Uint8Array(0)).toArray()) names.add(String(row.name));
    }
    expect(names).toContain("store.commit");
  });

  it("to the own OTLP port makes no call, no ingest and no insert to trace", async () => {
    using dir = tempDir();
    await using gate = await new SpanCollector().start();
    // What a collector between would do: the server's spans go to it, and from there to the server.
    const { url } = await startTraced(gate, dir.path);
    let passed = 0;
    const pass = async () => {
      for (; passed < gate.bodies.length; passed++) {
        const body = new Uint8Array(gate.bodies[passed]!);
        await fetch(`${url}/v1/traces`, {
          method: "POST",
          headers: { "content-type": "application/x-protobuf" },
          body,
        });
      }
      return passed;
    };
    await createClient(JobService, transportTo(url)).submitJob(work);
    await spansOf(gate, "spanloom.v1.JobService/SubmitJob");
    await comesToRest(pass);
    expect(recordedSpans(gate).map(({ name }) => name)).not.toContain("POST /v1/traces");
    expect(recordedSpans(gate).map(({ name }) => name)).not.toContain("telemetry.ingest");
  });
});
