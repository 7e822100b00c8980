import { join } from "node:path";
import { peerBackend, testOtlpExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { axiomVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

const authorization = "Bearer xaat-secret";

testOtlpExporter("exporter-axiom", {
  make: (endpoint, options) =>
    exporterFromEnv(
      { AXIOM_API_KEY: "xaat-secret", AXIOM_TRACES_DATASET: "spans", AXIOM_LOGS_DATASET: "logs" },
      { endpoint, ...options, headers: { authorization: "Bearer other" } },
    ),
  rules: {
    encoding: "protobuf",
    headers: {
      traces: { authorization, "x-axiom-dataset": "spans", "content-encoding": "gzip" },
      logs: { authorization, "x-axiom-dataset": "logs", "content-encoding": "gzip" },
    },
  },
  logs: true,
  secrets: ["xaat-secret"],
});

testOtlpExporter("exporter-axiom without a dataset for logs", {
  make: (url, options) =>
    exporterFromEnv(
      { AXIOM_TOKEN: "xaat-secret", AXIOM_DATASET: "spans", AXIOM_URL: url, AXIOM_ORG_ID: "org" },
      options,
    ),
  rules: { headers: { traces: { authorization, "x-axiom-dataset": "spans", "x-axiom-org-id": "org" }, logs: {} } },
  logs: false,
  secrets: ["xaat-secret"],
});

describe("exporter-axiom", () => {
  const env = { AXIOM_API_KEY: "k", AXIOM_TRACES_DATASET: "spans" };

  it("sends to the address of a region", () => {
    expect(exporterFromEnv(env).destination).toBe("https://api.axiom.co/v1/traces spans");
    expect(exporterFromEnv({ ...env, AXIOM_REGION: "eu-central-1.aws" }).destination).toBe(
      "https://eu-central-1.aws.edge.axiom.co/v1/traces spans",
    );
    expect(exporterFromEnv({ ...env, AXIOM_URL: "http://x" }, { region: "us-east-1" }).destination).toBe(
      "https://us-east-1.aws.edge.axiom.co/v1/traces spans",
    );
    expect(exporterFromEnv({ ...env, AXIOM_EDGE_REGION: "eu-central-1.aws.edge.axiom.co" }).destination).toBe(
      "https://eu-central-1.aws.edge.axiom.co/v1/traces spans",
    );
    expect(exporterFromEnv({ ...env, AXIOM_EDGE_URL: "https://edge.example" }).destination).toBe(
      "https://edge.example/v1/traces spans",
    );
    expect(() => exporterFromEnv(env, { region: "evil.example/" })).toThrow('region "evil.example/" is not the name');
  });

  it("says what is missing, and where it may come from", () => {
    expect(() => exporterFromEnv({ AXIOM_API_KEY: "k" })).toThrow(
      "cannot export: dataset is missing; give it, or set AXIOM_TRACES_DATASET",
    );
    expect(() => exporterFromEnv({}, { dataset: "spans", apiKey: undefined })).toThrow(
      "cannot export: apiKey is missing; give it, or set AXIOM_API_KEY",
    );
  });
});

testReadme("exporter-axiom", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: axiomVariables,
  env: { AXIOM_API_KEY: "xaat-key", AXIOM_TRACES_DATASET: "spans" },
  backend: () =>
    peerBackend({ headers: { traces: { authorization: "Bearer xaat-key", "x-axiom-dataset": "spans" }, logs: {} } }),
});
