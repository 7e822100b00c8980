import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { LogsService, TraceService } from "@spanloom/protocol/otlp";
import { sampleLogs, sampleTraces, testExporter } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { OtlpExporter } from "./exporter.ts";

/** A real gRPC endpoint on loopback. */
class GrpcCollector implements AsyncDisposable {
  readonly spanNames: string[] = [];
  readonly logBodies: string[] = [];
  readonly headers: Headers[] = [];
  /** Errors for the next calls. */
  readonly errors: ConnectError[] = [];
  rejectedSpans = 0n;
  hanging = false;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #server: Http2Server = createServer(
    connectNodeAdapter({
      routes: ({ service }) => {
        service(TraceService, {
          export: async ({ resourceSpans }, { requestHeader }) => {
            await this.#answer(requestHeader);
            for (const { scopeSpans } of resourceSpans)
              for (const { spans } of scopeSpans) this.spanNames.push(...spans.map(({ name }) => name));
            return { partialSuccess: { rejectedSpans: this.rejectedSpans, errorMessage: "some" } };
          },
        });
        service(LogsService, {
          export: async ({ resourceLogs }, { requestHeader }) => {
            await this.#answer(requestHeader);
            for (const { scopeLogs } of resourceLogs)
              for (const each of scopeLogs)
                this.logBodies.push(...each.logRecords.map(({ body }) => String(body?.value.value)));
            return {};
          },
        });
      },
    }),
  );

  async start(): Promise<this> {
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  async #answer(header: Headers): Promise<void> {
    this.headers.push(header);
    if (this.hanging) await new Promise(() => undefined);
    const error = this.errors.shift();
    if (error) throw error;
  }
}

testExporter("OtlpExporter over gRPC", async () => {
  const collector = await new GrpcCollector().start();
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
    await using collector = await new GrpcCollector().start();
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
    await using collector = await new GrpcCollector().start();
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc" });
    const error = new ConnectError("no", code);
    if (seconds !== undefined) error.details.push({ type: "google.rpc.RetryInfo", value: retryInfo(seconds) });
    collector.errors.push(error);
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(result).toEqual({ ...expected, message: expect.stringContaining("no") });
  });

  it("counts what the endpoint refused", async () => {
    await using collector = await new GrpcCollector().start();
    collector.rejectedSpans = 1n;
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc" });
    const result = await exporter.export(sampleTraces("a", "b"));
    await exporter.shutdown();
    expect(result).toEqual({ outcome: "exported", rejected: { spans: 1, logRecords: 0, message: "some" } });
  });

  it("asks to try again when nobody listens, and when no answer comes in time", async () => {
    const collector = await new GrpcCollector().start();
    collector.hanging = true;
    const exporter = new OtlpExporter({ endpoint: collector.url, protocol: "grpc", timeoutMs: 50 });
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await collector[Symbol.asyncDispose]();
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await exporter.shutdown();
  });
});
