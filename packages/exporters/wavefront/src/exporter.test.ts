import { join } from "node:path";
import { OtlpPeer, peerBackend, sampleTraces, testOtlpExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { wavefrontVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

testOtlpExporter("exporter-wavefront", {
  make: (url, options) => exporterFromEnv({ WAVEFRONT_PROXY_URL: url }, options),
  rules: { encoding: "protobuf" },
  logs: false,
  secrets: [],
});

testOtlpExporter("exporter-wavefront with logs", {
  make: (endpoint, options) => exporterFromEnv({}, { endpoint, ...options, sendLogs: true }),
  rules: { encoding: "protobuf" },
  logs: true,
  secrets: [],
});

describe("exporter-wavefront", () => {
  it("names the application on every resource", async () => {
    await using peer = await new OtlpPeer().start();
    const exporter = exporterFromEnv({ WAVEFRONT_PROXY_URL: peer.url, WAVEFRONT_APPLICATION: "shop" });
    await exporter.export(exporter.shape!(sampleTraces("a")));
    await exporter.shutdown();
    const attributes = peer.traces[0]!.resourceSpans[0]!.resource!.attributes;
    expect(attributes.map(({ key, value }) => [key, value?.value.value])).toEqual([
      ["service.name", "suite"],
      ["application", "shop"],
    ]);
  });

  it("sends to a proxy on this machine unless told otherwise", () => {
    expect(exporterFromEnv({}).destination.split(" ")[0]).toBe("http://localhost:4318/v1/traces");
    expect(exporterFromEnv({}, { protocol: "grpc" }).destination).toBe("http://localhost:4317/");
  });
});

testReadme("exporter-wavefront", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: wavefrontVariables,
  env: {},
  backend: () => peerBackend({}),
});
