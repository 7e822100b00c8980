import { join } from "node:path";
import { peerBackend, testOtlpExporter, testOtlpGrpcExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { tempoVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

testOtlpExporter("exporter-tempo", {
  make: (url, options) => exporterFromEnv({ TEMPO_ENDPOINT: url, TEMPO_TENANT: "acme" }, options),
  rules: { encoding: "protobuf", headers: { traces: { "x-scope-orgid": "acme" }, logs: {} } },
  logs: false,
  secrets: [],
});

testOtlpExporter("exporter-tempo behind a proxy with a password", {
  make: (url, options) =>
    exporterFromEnv(
      { TEMPO_ENDPOINT: url, TEMPO_USERNAME: "7", TEMPO_PASSWORD: "glc-secret" },
      { compression: "gzip", ...options },
    ),
  rules: { headers: { traces: { authorization: "Basic NzpnbGMtc2VjcmV0", "content-encoding": "gzip" }, logs: {} } },
  logs: false,
  secrets: ["glc-secret", "NzpnbGMtc2VjcmV0"],
});

testOtlpGrpcExporter("exporter-tempo", {
  make: (url, { timeoutMs }) =>
    exporterFromEnv({ TEMPO_ENDPOINT: url, TEMPO_TENANT: "acme" }, { timeoutMs, protocol: "grpc" }),
  headers: { "x-scope-orgid": "acme" },
  logs: false,
  secrets: [],
});

describe("exporter-tempo", () => {
  it("sends to this machine unless told otherwise, and tells tenants apart", () => {
    expect(exporterFromEnv({}).destination).toBe("http://localhost:4318/v1/traces");
    expect(exporterFromEnv({ TEMPO_ENDPOINT: "http://tempo:4318", TEMPO_TENANT: "a" }).destination).toBe(
      "http://tempo:4318/v1/traces a",
    );
  });

  it.each(["", "a/b", "..", "x".repeat(151)])("refuses the tenant %j, as Tempo would", (tenant) => {
    expect(() => exporterFromEnv({}, { tenant })).toThrow(`cannot export: tenant "${tenant}" is not 1 to 150 letters`);
  });
});

testReadme("exporter-tempo", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: tempoVariables,
  env: { TEMPO_TENANT: "acme" },
  backend: () => peerBackend({ headers: { traces: { "x-scope-orgid": "acme" }, logs: {} } }),
});
