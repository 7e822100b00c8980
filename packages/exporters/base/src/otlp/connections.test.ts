import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { OtlpGrpcPeer, OtlpPeer, sampleTraces } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { OtlpExporter } from "./otlp-exporter.ts";
import type { OtlpProtocol } from "./otlp-options.ts";

const protocols: OtlpProtocol[] = ["http/protobuf", "http/json", "grpc"];

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(protocols)("connections of %s", (protocol) => {
  it("asks to try again when a name cannot be resolved, and says which", async () => {
    const exporter = new OtlpExporter({ endpoint: "http://nowhere.invalid:4318", protocol });
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({
      outcome: "retry",
      message: expect.stringMatching(/cannot export to .*(ENOTFOUND|EAI_AGAIN) nowhere\.invalid/),
    });
    await exporter.shutdown();
  });

  it("says that it was shut down in the middle of connecting, and raises no error of its own", async () => {
    const server = createServer();
    const endpoint = await listening(server);
    const exporter = new OtlpExporter({ endpoint, protocol });
    const underWay = exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    expect(await underWay).toMatchObject({ message: expect.stringMatching(/shut down|connection aborted/) });
    server.close();
  });
});

describe("endpoints that speak something else", () => {
  it("end no process when gRPC meets HTTP/1.1 and the exporter is shut down at once", async () => {
    await using peer = await new OtlpPeer().start();
    for (let round = 0; round < 3; round++) {
      const exporter = new OtlpExporter({ endpoint: peer.url, protocol: "grpc" });
      const result = await exporter.export(sampleTraces("a"));
      await exporter.shutdown();
      expect(result).toMatchObject({ outcome: "failed", message: expect.stringContaining("HTTP/1.1?") });
      // An error that nobody listens to comes when the socket closes.
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("are told when HTTP/1.1 meets gRPC", async () => {
    await using peer = await new OtlpGrpcPeer().start();
    const exporter = new OtlpExporter({ endpoint: peer.url });
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("is it an endpoint for gRPC?"),
    });
    await exporter.shutdown();
  });

  it("are told from a bad certificate when TLS meets plain HTTP", async () => {
    await using peer = await new OtlpPeer().start();
    const exporter = new OtlpExporter({ endpoint: peer.url.replace("http:", "https:") });
    expect(await exporter.export(sampleTraces("a"))).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("wrong version number"),
    });
    await exporter.shutdown();
  });

  it("may refuse a large request before they have read it", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
    });
    const exporter = new OtlpExporter({ endpoint: await listening(server) });
    expect(await exporter.export(sampleTraces("x".repeat(5_000_000)))).toMatchObject({
      outcome: "failed",
      message: expect.stringContaining("413 Too Large"),
    });
    await exporter.shutdown();
    server.close();
  });
});
