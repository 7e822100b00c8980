import { OtlpPeer, sampleLogs, sampleTraces, status, testOtlpExporter } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { OtlpExporter } from "./otlp-exporter.ts";

const headers = { "x-api-key": "k1-secret" };
const rules = { headers: { traces: headers, logs: headers } };

testOtlpExporter("OtlpExporter with protobuf", {
  make: (endpoint, options) => new OtlpExporter({ endpoint, headers, ...options }),
  rules: { ...rules, encoding: "protobuf" },
  logs: true,
  secrets: ["k1-secret"],
});

testOtlpExporter("OtlpExporter with JSON and gzip", {
  make: (endpoint, options) =>
    new OtlpExporter({ endpoint, headers, protocol: "http/json", compression: "gzip", ...options }),
  rules: { ...rules, encoding: "json" },
  logs: true,
  secrets: ["k1-secret"],
});

describe("OtlpExporter over HTTP", () => {
  it("waits until the date its endpoint names", async () => {
    await using peer = await new OtlpPeer().start();
    const nowMs = () => Date.parse("2026-11-20T20:00:00Z");
    const exporter = new OtlpExporter({ endpoint: peer.url }, { nowMs });
    peer.answers.push(status(503, { "retry-after": "Fri, 20 Nov 2026 20:00:30 GMT" }));
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(result).toMatchObject({ outcome: "retry", retryAfterMs: 30_000 });
  });

  it("adds the paths of OTLP to a base URL with a path of its own", async () => {
    await using peer = await new OtlpPeer({ tracesPath: "/base/v1/traces", logsPath: "/base/v1/logs" }).start();
    const exporter = new OtlpExporter({ endpoint: `${peer.url}/base/` });
    await exporter.export({ ...sampleTraces("a"), ...sampleLogs("l") });
    await exporter.shutdown();
    expect(peer).toMatchObject({ spanNames: ["a"], logBodies: ["l"], violations: [] });
    expect(peer.requests[0]?.headers["user-agent"]).toBe("spanloom-exporter-otlp");
  });

  it("compresses with gzip when asked to", async () => {
    await using peer = await new OtlpPeer().start();
    const exporter = new OtlpExporter({ endpoint: peer.url, compression: "gzip" });
    await exporter.export(sampleTraces("a".repeat(10_000)));
    await exporter.shutdown();
    expect(peer.requests[0]?.headers["content-encoding"]).toBe("gzip");
    expect(Number(peer.requests[0]?.headers["content-length"])).toBeLessThan(1_000);
    expect(peer.spanNames).toEqual(["a".repeat(10_000)]);
  });

  it("tells where it sends without user, password and query", () => {
    const exporter = new OtlpExporter({
      endpoint: "https://user:pass@example.com/base",
      logs: { endpoint: "http://l/?k=1" },
    });
    expect(exporter.destination).toBe("https://example.com/base/v1/traces http://l/");
  });

  it("asks for the headers of each request, within its timeout, and tries again later when they cannot be had", async () => {
    await using peer = await new OtlpPeer({ headers: { traces: { "x-signed": "17" }, logs: {} } }).start();
    const failures = [new Error("no credentials")];
    const authorize = async ({ headers, url }: { headers: Readonly<Record<string, string>>; url: URL }) => {
      const failure = failures.shift();
      if (failure) throw failure;
      return { ...headers, "x-signed": String(url.pathname.length + 7) };
    };
    const exporter = new OtlpExporter({ endpoint: peer.url }, { backend: { authorize } });
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("no credentials"),
    });
    expect(await exporter.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    expect(peer).toMatchObject({ spanNames: ["a"], violations: [] });
    const slow = new OtlpExporter(
      { endpoint: peer.url, timeoutMs: 20 },
      { backend: { authorize: () => new Promise(() => undefined) } },
    );
    expect(await slow.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await slow.shutdown();
  });

  it("sends no more records in one request than its backend takes", async () => {
    await using peer = await new OtlpPeer().start();
    const exporter = new OtlpExporter({ endpoint: peer.url }, { backend: { maxRequestRecords: 2 } });
    await exporter.export({ ...sampleTraces("a", "b", "c"), ...sampleLogs("l") });
    await exporter.shutdown();
    expect(peer.requests.map(({ path }) => path)).toEqual(["/v1/traces", "/v1/traces", "/v1/logs"]);
    expect(peer).toMatchObject({ spanNames: ["a", "b", "c"], logBodies: ["l"] });
  });

  it("goes on with what is left after a part failed for good", async () => {
    await using peer = await new OtlpPeer().start();
    const exporter = new OtlpExporter({ endpoint: peer.url }, { backend: { maxRequestRecords: 1 } });
    peer.answers.push("take", status(400));
    const result = await exporter.export(sampleTraces("a", "b", "c"));
    await exporter.shutdown();
    expect(result).toMatchObject({ outcome: "exported", rejected: { spans: 1, logRecords: 0 } });
    expect(peer.spanNames).toEqual(["a", "c"]);
  });
});
