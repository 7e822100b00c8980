import { join } from "node:path";
import { peerBackend, testOtlpExporter, testOtlpGrpcExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { honeycombVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

const headers = { "x-honeycomb-team": "hc-secret", "x-honeycomb-dataset": "jobs", "content-encoding": "gzip" };

testOtlpExporter("exporter-honeycomb", {
  make: (url, options) =>
    exporterFromEnv(
      { HONEYCOMB_API_KEY: "hc-secret", HONEYCOMB_DATASET: "jobs", HONEYCOMB_API_ENDPOINT: url },
      options,
    ),
  rules: { encoding: "protobuf", headers: { traces: headers, logs: headers } },
  logs: true,
  secrets: ["hc-secret"],
});

testOtlpGrpcExporter("exporter-honeycomb", {
  make: (endpoint, { timeoutMs }) =>
    exporterFromEnv({ HONEYCOMB_API_KEY: "hc-secret" }, { endpoint, timeoutMs, protocol: "grpc" }),
  headers: { "x-honeycomb-team": "hc-secret", "grpc-encoding": "gzip" },
  logs: true,
  secrets: ["hc-secret"],
});

describe("exporter-honeycomb", () => {
  it("sends to the address of a region", () => {
    const env = { HONEYCOMB_API_KEY: "k" };
    expect(exporterFromEnv(env).destination).toMatch(/^https:\/\/api\.honeycomb\.io\/v1\/traces https/);
    expect(exporterFromEnv({ ...env, HONEYCOMB_REGION: "eu" }).destination).toMatch(
      /^https:\/\/api\.eu1\.honeycomb\.io\/v1\/traces /,
    );
    expect(exporterFromEnv({ ...env, HONEYCOMB_REGION: "eu" }, { region: "us", dataset: "d" }).destination).toBe(
      "https://api.honeycomb.io/v1/traces https://api.honeycomb.io/v1/logs d",
    );
    expect(() => exporterFromEnv({ ...env, HONEYCOMB_REGION: "mars" })).toThrow(
      'cannot export: HONEYCOMB_REGION "mars" is not one of us, eu',
    );
  });

  it("wants a dataset for a key of Honeycomb Classic, which refuses requests without", () => {
    for (const apiKey of ["0123456789abcdef".repeat(2), `hcxic_${"a1".repeat(29)}`]) {
      expect(() => exporterFromEnv({ HONEYCOMB_API_KEY: apiKey })).toThrow(
        "cannot export: dataset is missing; give it, or set HONEYCOMB_DATASET",
      );
      expect(exporterFromEnv({ HONEYCOMB_API_KEY: apiKey, HONEYCOMB_DATASET: "d" }).destination).toMatch(/ d$/);
    }
    expect(exporterFromEnv({ HONEYCOMB_API_KEY: `hcaik_${"a1".repeat(29)}` }).name).toBe("honeycomb");
  });

  it("says that the key is missing, and where it may come from", () => {
    expect(() => exporterFromEnv({})).toThrow("cannot export: apiKey is missing; give it, or set HONEYCOMB_API_KEY");
  });
});

testReadme("exporter-honeycomb", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: honeycombVariables,
  env: { HONEYCOMB_API_KEY: "hcaik_key" },
  backend: () => peerBackend({ headers: { traces: { "x-honeycomb-team": "hcaik_key" }, logs: {} } }),
});
