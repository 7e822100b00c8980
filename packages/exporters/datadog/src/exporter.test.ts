import { join } from "node:path";
import { peerBackend, sampleTraces, testOtlpExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { datadogVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

testOtlpExporter("exporter-datadog", {
  make: (endpoint, options) =>
    exporterFromEnv({ DD_API_KEY: "dd-secret", DD_OTLP_SOURCE: "acme" }, { endpoint, ...options }),
  rules: {
    encoding: "protobuf",
    headers: {
      traces: {
        "dd-api-key": "dd-secret",
        "dd-otlp-source": "acme",
        compute_stats: "true",
        "content-encoding": "gzip",
      },
      logs: { "dd-api-key": "dd-secret", "content-encoding": "gzip" },
    },
    maxBytes: 3_200_000,
  },
  logs: true,
  secrets: ["dd-secret"],
});

describe("exporter-datadog", () => {
  it("names the environment on every resource, unless attributes for it are given", () => {
    const environmentOf = (...args: Parameters<typeof exporterFromEnv>) =>
      exporterFromEnv(...args)
        .shape?.(sampleTraces("a"))
        .traces?.resourceSpans[0]?.resource?.attributes.find(({ key }) => key === "deployment.environment.name")?.value
        ?.value.value;
    expect(environmentOf({ DD_ENV: "prod" })).toBe("prod");
    expect(environmentOf({ DD_ENV: "prod" }, { env: "staging" })).toBe("staging");
    const shape = { resourceAttributes: { "deployment.environment.name": "mine" } };
    expect(environmentOf({ DD_ENV: "prod" }, { shape })).toBe("mine");
    expect(exporterFromEnv({}).shape).toBeUndefined();
  });

  it("sends to the intake of a site with a key, to the Agent without", () => {
    const urlOf = (...args: Parameters<typeof exporterFromEnv>) => exporterFromEnv(...args).destination.split(" ")[0];
    expect(urlOf({ DD_API_KEY: "k" })).toBe("https://otlp.datadoghq.com/v1/traces");
    expect(urlOf({ DD_API_KEY: "k", DD_SITE: "us5.datadoghq.com" })).toBe("https://otlp.us5.datadoghq.com/v1/traces");
    expect(urlOf({ DD_API_KEY: "k", DD_SITE: "datadoghq.com" }, { site: "datadoghq.eu" })).toBe(
      "https://otlp.datadoghq.eu/v1/traces",
    );
    expect(urlOf({})).toBe("http://localhost:4318/v1/traces");
    expect(urlOf({ DD_AGENT_HOST: "agent" })).toBe("http://agent:4318/v1/traces");
    expect(() => exporterFromEnv({ DD_API_KEY: "k", DD_SITE: "https://x" })).toThrow(
      'cannot export: site "https://x" is not a Datadog site',
    );
  });
});

testReadme("exporter-datadog", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: datadogVariables,
  env: { DD_API_KEY: "key" },
  backend: () => peerBackend({ headers: { traces: { "dd-api-key": "key" }, logs: {} } }),
});
