import { join } from "node:path";
import { hexToBytes, IdGenerator, traceIdOfJob } from "@spanloom/protocol";
import {
  OtlpPeer,
  peerBackend,
  type RecordedRequest,
  sampleLogs,
  sampleTraces,
  testOtlpExporter,
  testReadme,
} from "@spanloom/testing";
import { describe, expect, it, vi } from "vitest";
import { xrayVariables } from "./config.ts";
import { epochTraceId } from "./epoch-trace-id.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";
import { signatureProblem } from "./testing/verify-signature.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "aws-secret", sessionToken: "session-secret" };
const check = (request: RecordedRequest) => signatureProblem(request, "aws-secret");
const signed = { "x-amz-security-token": "session-secret", "content-encoding": "gzip" };

testOtlpExporter("exporter-xray", {
  make: (endpoint, options) => exporterFromEnv({ AWS_REGION: "eu-central-1" }, { endpoint, ...options, credentials }),
  rules: { encoding: "protobuf", headers: { traces: signed, logs: {} }, check, maxBytes: 5_000_000 },
  logs: false,
  secrets: ["aws-secret", "session-secret"],
});

testOtlpExporter("exporter-xray with CloudWatch Logs", {
  make: (endpoint, options) =>
    exporterFromEnv(
      { AWS_DEFAULT_REGION: "us-west-2", AWS_XRAY_LOG_GROUP: "jobs", AWS_XRAY_LOG_STREAM: "main" },
      { endpoint, credentials: async () => credentials, compression: "none", ...options },
    ),
  rules: { headers: { traces: {}, logs: { "x-aws-log-group": "jobs", "x-aws-log-stream": "main" } }, check },
  logs: true,
  secrets: ["aws-secret", "session-secret"],
});

describe("exporter-xray", () => {
  const urls = (region: string) => exporterFromEnv({}, { region, logGroup: "g", logStream: "s" }).destination;

  it("sends to the endpoints of a region", () => {
    expect(urls("us-west-2")).toBe(
      "https://xray.us-west-2.amazonaws.com/v1/traces https://logs.us-west-2.amazonaws.com/v1/logs g s",
    );
    expect(urls("cn-north-1")).toBe(
      "https://xray.cn-north-1.amazonaws.com.cn/v1/traces https://logs.cn-north-1.amazonaws.com.cn/v1/logs g s",
    );
    expect(() => urls("evil.example/")).toThrow('region "evil.example/" is not the name of a region');
    expect(() => exporterFromEnv({})).toThrow("region is missing; give it, or set AWS_REGION");
    expect(() => exporterFromEnv({ AWS_REGION: "eu-west-1" }, { logGroup: "g" })).toThrow(
      "logStream is missing; give it, or set AWS_XRAY_LOG_STREAM",
    );
  });

  it("takes credentials from AWS's chain, and tries again later when there are none", async () => {
    await using peer = await new OtlpPeer({ check: (request) => signatureProblem(request, "chain-secret") }).start();
    // AWS's chain reads the process's environment, and takes no other.
    const none = {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_PROFILE: undefined,
      AWS_CONFIG_FILE: "/nonexistent",
      AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const env = { AWS_REGION: "eu-west-1" };
    for (const [name, value] of Object.entries(none)) vi.stubEnv(name, value);
    const without = exporterFromEnv(env, { endpoint: peer.url });
    expect(await without.export(sampleTraces("a"))).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("cannot authorize the request"),
    });
    await without.shutdown();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKID");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "chain-secret");
    const exporter = exporterFromEnv(env, { endpoint: peer.url });
    expect(await exporter.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    vi.unstubAllEnvs();
    expect(peer).toMatchObject({ spanNames: ["a"], violations: [] });
  });

  it("translates trace ids everywhere when told to, and leaves the batch as it is", async () => {
    const traceId = hexToBytes(traceIdOfJob(new IdGenerator(() => 1_795_204_800_123).next()));
    const batch = { ...sampleTraces("a"), ...sampleLogs("l") };
    const span = batch.traces!.resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
    const record = batch.logs!.resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!;
    Object.assign(span, { traceId });
    Object.assign(span.links[0]!, { traceId });
    Object.assign(record, { traceId });
    const exporter = exporterFromEnv({ AWS_REGION: "eu-west-1", AWS_XRAY_TRACE_IDS: "epoch" }, { credentials });
    const shaped = exporter.shape!(batch);
    const out = shaped.traces!.resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
    const ids = [
      out.traceId,
      out.links[0]!.traceId,
      shaped.logs!.resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!.traceId,
    ];
    for (const id of ids) expect(id).toEqual(epochTraceId(traceId));
    expect(span.traceId).toBe(traceId);
    expect(exporterFromEnv({ AWS_REGION: "eu-west-1" }, { credentials }).shape).toBeUndefined();
  });
});

describe("epochTraceId", () => {
  it("begins with the seconds of the job's submission, and keeps ids apart", () => {
    let nowMs = 1_795_204_800_000;
    const ids = new IdGenerator(() => nowMs);
    const seen = new Set<string>();
    for (let count = 0; count < 5_000; count++) {
      nowMs += count % 7;
      const id = epochTraceId(hexToBytes(traceIdOfJob(ids.next())));
      const seconds = new DataView(id.buffer).getUint32(0);
      // Ids of one millisecond beyond 4,096 borrow from the next.
      expect(Math.abs(seconds - nowMs / 1000)).toBeLessThan(2);
      seen.add(Buffer.from(id).toString("hex"));
    }
    expect(seen.size).toBe(5_000);
  });

  it("gives ids as they are that tell no time", () => {
    const random = Uint8Array.from({ length: 16 }, () => 0xab);
    expect(epochTraceId(random)).toBe(random);
    expect(epochTraceId(new Uint8Array(0))).toHaveLength(0);
  });
});

testReadme("exporter-xray", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: xrayVariables,
  others: ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"],
  env: { AWS_REGION: "eu-central-1" },
  backend: () => peerBackend({ check }, { credentials }),
});
