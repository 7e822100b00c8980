import { sampleLogs, sampleTraces, testExporter } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { OtlpExporter } from "./exporter.ts";
import { RecordingCollector, rejectLogs, rejectSpans, status } from "./testing/recording-collector.ts";

testExporter("OtlpExporter over HTTP", async () => {
  const collector = await new RecordingCollector().start();
  const exporter = new OtlpExporter({ endpoint: collector.url });
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

describe("OtlpExporter over HTTP", () => {
  it("posts protobuf to the paths of OTLP with the headers given", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: `${collector.url}/base/`, headers: { "x-api-key": "k1" } });
    await exporter.export({ ...sampleTraces("a"), ...sampleLogs("l") });
    await exporter.shutdown();
    expect(collector.requests.map(({ path }) => path)).toEqual(["/base/v1/traces", "/base/v1/logs"]);
    expect(collector.requests[0]?.headers).toMatchObject({
      "content-type": "application/x-protobuf",
      "x-api-key": "k1",
      "user-agent": "spanloom-exporter-otlp",
    });
  });

  it("compresses with gzip when asked to", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url, compression: "gzip" });
    await exporter.export(sampleTraces("a".repeat(10_000)));
    await exporter.shutdown();
    expect(collector.requests[0]?.headers["content-encoding"]).toBe("gzip");
    expect(Number(collector.requests[0]?.headers["content-length"])).toBeLessThan(1_000);
    expect(collector.spanNames).toEqual(["a".repeat(10_000)]);
  });

  it.each([
    [429, { "retry-after": "7" }, { outcome: "retry", retryAfterMs: 7_000 }],
    [503, { "retry-after": "Fri, 20 Nov 2026 20:00:30 GMT" }, { outcome: "retry", retryAfterMs: 30_000 }],
    [502, {}, { outcome: "retry" }],
    [504, { "retry-after": "soon" }, { outcome: "retry" }],
    [400, {}, { outcome: "failed" }],
    [401, { "retry-after": "7" }, { outcome: "failed" }],
    [500, {}, { outcome: "failed" }],
    [307, { location: "/elsewhere" }, { outcome: "failed" }],
  ])("answers %d %o with %o", async (code, headers, expected) => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url }, () => Date.parse("2026-11-20T20:00:00Z"));
    collector.answers.push(status(code, headers as Record<string, string>));
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(result).toEqual({ ...expected, message: expect.stringContaining(`${collector.url}/v1/traces: ${code}`) });
  });

  it("counts what the endpoint refused of each signal", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url });
    collector.answers.push(rejectSpans(1n, "too old"), rejectLogs(2n, "too long"));
    const result = await exporter.export({ ...sampleTraces("a", "b"), ...sampleLogs("l1", "l2", "l3") });
    await exporter.shutdown();
    expect(result).toEqual({
      outcome: "exported",
      rejected: { spans: 1, logRecords: 2, message: "too old; too long" },
    });
  });

  it("takes a warning for a success, and a success that is not protobuf too", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url });
    collector.answers.push(rejectSpans(0n, "deprecated"), (response) => response.end("OK, thanks"));
    expect(await exporter.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
    expect(await exporter.export(sampleTraces("b"))).toEqual({ outcome: "exported" });
    await exporter.shutdown();
  });

  it("does not send spans again when only the log records have to be", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url });
    const batch = { ...sampleTraces("a"), ...sampleLogs("l") };
    collector.answers.push((response) => response.end(), status(503));
    expect(await exporter.export(batch)).toMatchObject({ outcome: "retry" });
    expect(await exporter.export(batch)).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    expect(collector.requests.map(({ path }) => path)).toEqual(["/v1/traces", "/v1/logs", "/v1/logs"]);
  });

  it("counts the spans as refused when they failed for good and the log records were taken", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url });
    collector.answers.push(status(400));
    const result = await exporter.export({ ...sampleTraces("a", "b"), ...sampleLogs("l") });
    await exporter.shutdown();
    expect(result).toMatchObject({ outcome: "exported", rejected: { spans: 2, logRecords: 0 } });
  });

  it("asks to try again when the endpoint does not answer in time", async () => {
    await using collector = await new RecordingCollector().start();
    collector.hanging = true;
    const exporter = new OtlpExporter({ endpoint: collector.url, timeoutMs: 30 });
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(result).toEqual({
      outcome: "retry",
      message: `cannot export to ${collector.url}/v1/traces: no answer within 30 ms`,
    });
  });

  it("asks to try again when nobody listens, and when the connection breaks", async () => {
    const collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url });
    collector.answers.push((response) => response.destroy());
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await collector[Symbol.asyncDispose]();
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    await exporter.shutdown();
  });

  it("does not read an answer without end", async () => {
    await using collector = await new RecordingCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url });
    collector.answers.push((response) => response.end(Buffer.alloc(5 * 1024 * 1024)));
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(result).toMatchObject({ outcome: "failed", message: expect.stringContaining("larger than 4194304 bytes") });
  });
});
