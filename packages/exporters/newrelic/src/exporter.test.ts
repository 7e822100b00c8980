import { join } from "node:path";
import { peerBackend, testOtlpExporter, testOtlpGrpcExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { newRelicVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

const headers = { "api-key": "nr-secret", "content-encoding": "gzip" };

testOtlpExporter("exporter-newrelic", {
  make: (url, options) =>
    exporterFromEnv({ NEW_RELIC_LICENSE_KEY: "nr-secret", NEW_RELIC_OTLP_ENDPOINT: url }, options),
  rules: { encoding: "protobuf", headers: { traces: headers, logs: headers }, maxBytes: 1_000_000 },
  logs: true,
  secrets: ["nr-secret"],
});

testOtlpGrpcExporter("exporter-newrelic", {
  make: (endpoint, { timeoutMs }) =>
    exporterFromEnv({ NEW_RELIC_LICENSE_KEY: "nr-secret" }, { endpoint, timeoutMs, protocol: "grpc" }),
  headers: { "api-key": "nr-secret", "grpc-encoding": "gzip" },
  logs: true,
  secrets: ["nr-secret"],
});

describe("exporter-newrelic", () => {
  it("sends to the region of the key, or the one that is named", () => {
    const urlOf = (...args: Parameters<typeof exporterFromEnv>) => exporterFromEnv(...args).destination.split(" ")[0];
    expect(urlOf({ NEW_RELIC_LICENSE_KEY: "k" })).toBe("https://otlp.nr-data.net/v1/traces");
    expect(urlOf({ NEW_RELIC_LICENSE_KEY: "eu01xxk" })).toBe("https://otlp.eu01.nr-data.net/v1/traces");
    expect(urlOf({ NEW_RELIC_LICENSE_KEY: "jp01xxk" })).toBe("https://otlp.jp01.nr-data.net/v1/traces");
    expect(urlOf({ NEW_RELIC_LICENSE_KEY: "gov01k" })).toBe("https://gov-otlp.nr-data.net/v1/traces");
    expect(urlOf({ NEW_RELIC_LICENSE_KEY: "k", NEW_RELIC_REGION: "EU" })).toBe(
      "https://otlp.eu01.nr-data.net/v1/traces",
    );
    expect(urlOf({ NEW_RELIC_OTLP_ENDPOINT: "http://x" }, { licenseKey: "eu01xxk", region: "us" })).toBe(
      "https://otlp.nr-data.net/v1/traces",
    );
  });

  it("says that the key is missing, and where it may come from", () => {
    expect(() => exporterFromEnv({})).toThrow(
      "cannot export: licenseKey is missing; give it, or set NEW_RELIC_LICENSE_KEY",
    );
  });
});

testReadme("exporter-newrelic", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: newRelicVariables,
  env: { NEW_RELIC_LICENSE_KEY: "key" },
  backend: () => peerBackend({ headers: { traces: { "api-key": "key" }, logs: {} } }),
});
