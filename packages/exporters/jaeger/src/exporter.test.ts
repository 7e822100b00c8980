import { join } from "node:path";
import { peerBackend, testOtlpExporter, testOtlpGrpcExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { jaegerVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

testOtlpExporter("exporter-jaeger", {
  make: (url, options) => exporterFromEnv({ JAEGER_ENDPOINT: url }, options),
  rules: { encoding: "protobuf" },
  logs: false,
  secrets: [],
});

testOtlpGrpcExporter("exporter-jaeger", {
  make: (url, { timeoutMs }) => exporterFromEnv({ JAEGER_ENDPOINT: url }, { timeoutMs, protocol: "grpc" }),
  headers: {},
  logs: false,
  secrets: [],
});

describe("exporter-jaeger", () => {
  it("sends to this machine unless told otherwise", () => {
    expect(exporterFromEnv({}).destination).toBe("http://localhost:4318/v1/traces");
    expect(exporterFromEnv({}, { protocol: "grpc" }).destination).toBe("http://localhost:4317/");
    expect(exporterFromEnv({ JAEGER_ENDPOINT: "http://env" }, { endpoint: "http://given" }).destination).toContain(
      "http://given/v1/traces",
    );
  });
});

testReadme("exporter-jaeger", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: jaegerVariables,
  env: {},
  backend: () => peerBackend({}),
});
