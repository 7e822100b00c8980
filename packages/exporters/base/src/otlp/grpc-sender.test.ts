import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { OtlpGrpcPeer, sampleLogs, sampleTraces, testExporter } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { OtlpExporter } from "./otlp-exporter.ts";

testExporter("OtlpExporter over gRPC", async () => {
  const collector = await new OtlpGrpcPeer().start();
  const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc" });
  return {
    exporter,
    spanNames: () => collector.spanNames,
    logBodies: () => collector.logBodies,
    hang: () => {
      collector.hanging = true;
    },
    async [Symbol.asyncDispose]() {
      await exporter.shutdown();
      await collector[Symbol.asyncDispose]();
    },
  };
});

/** A `google.rpc.RetryInfo` of whole seconds. */
function retryInfo(seconds: bigint): Uint8Array<ArrayBuffer> {
  const duration = toBinary(DurationSchema, create(DurationSchema, { seconds }));
  return new BinaryWriter().tag(1, 2).bytes(duration).finish();
}

describe("OtlpExporter over gRPC", () => {
  it("sends headers and compresses when asked to", async () => {
    await using collector = await new OtlpGrpcPeer().start();
    const exporter = new OtlpExporter({
      endpoint: collector.url,
      protocol: "grpc",
      compression: "gzip",
      headers: { "x-api-key": "k1" },
    });
    await exporter.export({ ...sampleTraces("a".repeat(5_000)), ...sampleLogs("l") });
    await exporter.shutdown();
    expect(collector.headers[0]?.get("x-api-key")).toBe("k1");
    expect(collector.headers[0]?.get("grpc-encoding")).toBe("gzip");
    expect(collector).toMatchObject({ spanNames: ["a".repeat(5_000)], logBodies: ["l"] });
  });

  it.each([
    [Code.Unavailable, undefined, { outcome: "retry" }],
    [Code.Unavailable, 3n, { outcome: "retry", retryAfterMs: 3_000 }],
    [Code.ResourceExhausted, undefined, { outcome: "failed" }],
    [Code.ResourceExhausted, 2n, { outcome: "retry", retryAfterMs: 2_000 }],
    [Code.InvalidArgument, undefined, { outcome: "failed" }],
    [Code.Unauthenticated, undefined, { outcome: "failed" }],
  ])("answers code %d with a delay of %s by %o", async (code, seconds, expected) => {
    await using collector = await new OtlpGrpcPeer().start();
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc" });
    const error = new ConnectError("no", code);
    if (seconds !== undefined) error.details.push({ type: "google.rpc.RetryInfo", value: retryInfo(seconds) });
    collector.errors.push(error);
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(result).toEqual({ ...expected, message: expect.stringContaining("no") });
  });

  it("halves what the endpoint says is too large", async () => {
    await using collector = await new OtlpGrpcPeer().start();
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc" });
    const tooLarge = "grpc: received message larger than max (5000000 vs. 4194304)";
    collector.errors.push(new ConnectError(tooLarge, Code.ResourceExhausted));
    expect(await exporter.export(sampleTraces("a", "b", "c"))).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    expect(collector).toMatchObject({ spanNames: ["a", "b", "c"], headers: { length: 3 } });
  });

  it("counts what the endpoint refused", async () => {
    await using collector = await new OtlpGrpcPeer().start();
    collector.rejectedSpans = 1n;
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc" });
    const result = await exporter.export(sampleTraces("a", "b"));
    await exporter.shutdown();
    expect(result).toEqual({ outcome: "exported", rejected: { spans: 1, logRecords: 0, message: "some" } });
  });

  it("asks to try again when nobody listens, and when no answer comes in time", async () => {
    const collector = await new OtlpGrpcPeer().start();
    collector.hanging = true;
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc", timeoutMs: 50 });
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await collector[Symbol.asyncDispose]();
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await exporter.shutdown();
  });
});
