import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import {
  fromConnectError,
  JobService,
  JobState,
  QueryService,
  RunnerService,
  type SpanloomError,
  TaskService,
} from "@spanloom/protocol";
import { ExportTraceServiceResponseSchema } from "@spanloom/protocol/otlp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveStubs, storeStub, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";

const run = promisify(execFile);

const ids = ["00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"] as const;

const store = storeStub({
  countJobs: async () => new Map([[JobState.RUNNING, 3]]),
  getJobs: async () => [],
  jobStates: async () => new Map(),
  listRunners: async () => {
    throw new Error("secret path /etc/shadow");
  },
});
const telemetry = telemetryStub({
  async *querySpans() {
    for (let i = 0; i < 3; i++) yield { ipc: new Uint8Array(100_000).fill(i), rows: i };
  },
});

let server: RunningServer & { log: string[] };
beforeAll(async () => {
  server = await serveStubs({ store, telemetry });
});
afterAll(() => server.stop());

/** Every protocol over every HTTP version a client may come with. */
const transports: Readonly<Record<string, () => Transport>> = {
  "Connect over HTTP/1.1": () => createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }),
  "Connect over HTTP/2": () => createConnectTransport({ baseUrl: server.url, httpVersion: "2" }),
  "Connect with JSON": () =>
    createConnectTransport({ baseUrl: server.url, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect with gzip": () =>
    createConnectTransport({
      baseUrl: server.url,
      httpVersion: "1.1",
      sendCompression: compressionGzip,
      compressMinBytes: 0,
    }),
  gRPC: () => createGrpcTransport({ baseUrl: server.url }),
  "gRPC with gzip": () =>
    createGrpcTransport({ baseUrl: server.url, sendCompression: compressionGzip, compressMinBytes: 0 }),
  "gRPC-Web over HTTP/1.1": () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: "1.1" }),
  "gRPC-Web over HTTP/2": () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: "2" }),
};

/** The error a call ends with; fails when it does not. */
async function failure(call: Promise<unknown>): Promise<SpanloomError> {
  return call.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => fromConnectError(error),
  );
}

for (const [name, transport] of Object.entries(transports))
  describe(`${name} (P6)`, () => {
    it("serves a unary call", async () => {
      const answer = await createClient(JobService, transport()).countJobs({});
      expect(answer.counts).toMatchObject([{ state: JobState.RUNNING, count: 3n }]);
    });

    it("serves a stream", async () => {
      const rows: bigint[] = [];
      for await (const { chunk } of createClient(QueryService, transport()).querySpans({}))
        rows.push(chunk?.rows ?? -1n);
      expect(rows).toEqual([0n, 1n, 2n]);
    });

    it("tells reason, field and facts of an error", async () => {
      const error = await failure(createClient(JobService, transport()).getJob({ jobId: ids[0] }));
      expect(error).toMatchObject({ reason: "JOB_NOT_FOUND", code: Code.NotFound });
      expect(error.facts).toEqual({ field: "job_id", metadata: { job_id: ids[0] } });
      expect(error.message).toBe(`cannot find job: no job has id "${ids[0]}"`);
    });

    it("hides the text of a defect and logs it under the reference it gives", async () => {
      const error = await failure(createClient(RunnerService, transport()).listRunners({}));
      expect(error.reason).toBe("INTERNAL");
      expect(error.message).not.toContain("secret");
      expect(
        server.log.some((line) => line.includes(error.facts.metadata?.reference ?? "none") && line.includes("secret")),
      ).toBe(true);
    });

    it("refuses a request over the limit with the limit", async () => {
      const big = { runnerId: ids[0], telemetry: { traces: [new Uint8Array(16 * 1024 * 1024)] } };
      const error = await failure(createClient(TaskService, transport()).leaseTasks(big));
      expect(error).toMatchObject({ reason: "LIMIT_EXCEEDED", facts: { limit: 16 * 1024 * 1024 } });
    });

    it("honours the client's deadline", async () => {
      const wait = { jobIds: [ids[0]], wait: { seconds: 20n } };
      const slow = createClient(JobService, transport()).waitJobs(wait, { timeoutMs: 5_000 });
      // No such job: answered at once, deadline or not.
      await expect(slow).resolves.toMatchObject({ unknownJobIds: [ids[0]] });
    });
  });

describe("malformed requests", () => {
  const post = (path: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer> | string) =>
    fetch(server.url + path, { method: "POST", headers, body });
  const garbage = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1);

  it("names the cause when protobuf is malformed, over Connect", async () => {
    const answer = await post("/spanloom.v1.JobService/GetJob", { "content-type": "application/proto" }, garbage);
    const body = (await answer.json()) as { code: string; message: string };
    expect(answer.status).toBe(400);
    expect(body).toMatchObject({ code: "invalid_argument" });
    expect(body.message).toContain("malformed protobuf");
  });

  it("names the cause when JSON is malformed", async () => {
    const answer = await post("/spanloom.v1.JobService/GetJob", { "content-type": "application/json" }, '{"jobId": 7');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("malformed JSON"),
    });
  });

  it("names the field when JSON has another type", async () => {
    const answer = await post("/spanloom.v1.JobService/GetJob", { "content-type": "application/json" }, '{"jobId": 7}');
    expect(await answer.json()).toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/job_id.*string/),
    });
  });

  it.each(["application/grpc", "application/grpc-web"])("is INVALID_ARGUMENT over %s too", async (type) => {
    const envelope = Buffer.concat([Buffer.of(0, 0, 0, 0, garbage.length), garbage]);
    const answer = await post("/spanloom.v1.JobService/GetJob", { "content-type": type, te: "trailers" }, envelope);
    const text = (await answer.text()) + JSON.stringify([...answer.headers]);
    // fetch hides HTTP trailers; gRPC-Web has them in the body.
    if (type === "application/grpc-web") expect(text).toMatch(/grpc-status: 3/);
    expect(answer.status).toBe(200);
  });

  it("limits how deep messages nest", async () => {
    const deep = `${'{"not":'.repeat(5_000)}{}${"}".repeat(5_000)}`;
    const client = createClient(QueryService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
    const envelope = (json: string): Uint8Array<ArrayBuffer> => {
      const body = Buffer.from(json);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length, 1);
      return Buffer.concat([head, body]);
    };
    const answer = await post(
      "/spanloom.v1.QueryService/QuerySpans",
      { "content-type": "application/connect+json" },
      envelope(`{"filter":${deep}}`),
    );
    expect(await answer.text()).toContain('"code":"invalid_argument"');
    // And the server still serves.
    for await (const _ of client.querySpans({})) break;
  });

  it("refuses a body that decompresses to more than the limit", async () => {
    const bomb = gzipSync(new Uint8Array(200 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(1024 * 1024);
    const unary = await post(
      "/spanloom.v1.JobService/GetJob",
      { "content-type": "application/proto", "content-encoding": "gzip" },
      bomb,
    );
    expect(await unary.json()).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("decompresses"),
    });
    const head = Buffer.alloc(5);
    head.writeUInt8(1, 0);
    head.writeUInt32BE(bomb.length, 1);
    const web = await post(
      "/spanloom.v1.JobService/GetJob",
      { "content-type": "application/grpc-web", "grpc-encoding": "gzip" },
      Buffer.concat([head, bomb]),
    );
    const trailers = await web.text();
    expect(trailers).toContain("grpc-status: 3");
    expect(trailers).toContain("decompression");
  });

  it("names a content encoding it does not know", async () => {
    const headers = { "content-type": "application/proto", "content-encoding": "lzma" };
    const answer = await post("/spanloom.v1.JobService/GetJob", headers, "");
    expect(await answer.json()).toMatchObject({
      message: expect.stringContaining('"lzma" is not one of identity, gzip'),
    });
  });

  it("answers 404 for an unknown path", async () => {
    expect((await post("/spanloom.v1.JobService/Nothing", { "content-type": "application/json" }, "{}")).status).toBe(
      404,
    );
  });
});

// A machine without curl cannot show that curl works; CI and most developers have it.
describe.skipIf(spawnSync("curl", ["--version"]).error !== undefined)("curl (P6)", () => {
  const args = ["-sS", "-H", "content-type: application/json", "-d", "{}", "-w", "\n%{http_version}"];
  it.each([
    ["--http1.1", "1.1"],
    ["--http2-prior-knowledge", "2"],
  ])("%s gets JSON", async (flag, version) => {
    const { stdout } = await run("curl", [flag, ...args, `${server.url}/spanloom.v1.JobService/CountJobs`]);
    const [body = "", used] = stdout.split("\n");
    expect(used).toBe(version);
    expect(JSON.parse(body)).toEqual({ counts: [{ state: "JOB_STATE_RUNNING", count: "3" }] });
  });
});

describe("OTLP and health on the same port", () => {
  it("takes OTLP over HTTP/1.1 and answers protobuf", async () => {
    const answer = await fetch(`${server.url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body: new Uint8Array(0),
    });
    expect(answer.status).toBe(200);
    const message = fromBinary(ExportTraceServiceResponseSchema, new Uint8Array(await answer.arrayBuffer()));
    expect(message.partialSuccess).toBeUndefined();
  });

  it.each([
    ["/healthz", "ok\n"],
    ["/readyz", "ready\n"],
  ])("answers %s, with its version in a header", async (path, body) => {
    const answer = await fetch(server.url + path);
    expect(await answer.text()).toBe(body);
    const [, version] = /^Spanloom server (\S+)/.exec(await (await fetch(`${server.url}/`)).text()) ?? [];
    expect(answer.headers.get("spanloom-version")).toBe(version);
  });

  it("says what it is", async () => {
    expect(await (await fetch(`${server.url}/`)).text()).toContain("Spanloom server");
  });
});

describe("tokens", () => {
  it("lets nobody in without the token, over any protocol", async () => {
    await using locked = await serveStubs({ store, telemetry, token: "sesame" });
    for (const transport of [
      createConnectTransport({ baseUrl: locked.url, httpVersion: "1.1" }),
      createGrpcTransport({ baseUrl: locked.url }),
      createGrpcWebTransport({ baseUrl: locked.url, httpVersion: "1.1" }),
    ]) {
      const client = createClient(JobService, transport);
      expect((await failure(client.countJobs({}))).reason).toBe("UNAUTHENTICATED");
      expect((await failure(client.countJobs({}, { headers: { authorization: "Bearer wrong" } }))).reason).toBe(
        "UNAUTHENTICATED",
      );
      await expect(client.countJobs({}, { headers: { authorization: "Bearer sesame" } })).resolves.toBeDefined();
    }
    const otlp = await fetch(`${locked.url}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(otlp.status).toBe(401);
    expect((await fetch(`${locked.url}/healthz`)).status).toBe(200);
  });
});

it("is refused as a ConnectError, never as something else", async () => {
  const client = createClient(JobService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
  await expect(client.getJob({ jobId: "x" })).rejects.toBeInstanceOf(ConnectError);
});
