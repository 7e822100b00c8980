import { join } from "node:path";
import { registeredExporters } from "@spanloom/exporter";
import { peerBackend, testOtlpExporter, testOtlpGrpcExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { configureOtlp, exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

const P = "OTEL_EXPORTER_OTLP_";

testOtlpExporter("exporter-otlp from the environment", {
  make: (url, { timeoutMs, compression = "gzip" }) =>
    exporterFromEnv({
      [`${P}ENDPOINT`]: url,
      [`${P}HEADERS`]: "x-api-key=k1-secret",
      [`${P}PROTOCOL`]: "http/json",
      [`${P}COMPRESSION`]: compression,
      ...(timeoutMs && { [`${P}TIMEOUT`]: String(timeoutMs) }),
    }),
  rules: { headers: { traces: { "x-api-key": "k1-secret" }, logs: { "x-api-key": "k1-secret" } } },
  logs: true,
  secrets: ["k1-secret"],
});

testOtlpGrpcExporter("exporter-otlp from the environment", {
  make: (url, { timeoutMs }) =>
    exporterFromEnv(
      { [`${P}ENDPOINT`]: url, [`${P}PROTOCOL`]: "grpc", [`${P}HEADERS`]: "x-api-key=k1-secret" },
      { timeoutMs },
    ),
  headers: { "x-api-key": "k1-secret" },
  logs: true,
  secrets: ["k1-secret"],
});

describe("exporterFromEnv", () => {
  it("puts options over the environment, that for one signal, too", () => {
    const env = { [`${P}ENDPOINT`]: "http://env", [`${P}LOGS_ENDPOINT`]: "http://env-logs" };
    expect(exporterFromEnv(env).destination).toBe("http://env/v1/traces http://env-logs/");
    expect(exporterFromEnv(env, { endpoint: "http://given" }).destination).toBe(
      "http://given/v1/traces http://given/v1/logs",
    );
    expect(exporterFromEnv(env, { logs: { endpoint: "http://given" } }).destination).toBe(
      "http://env/v1/traces http://given/",
    );
  });

  it("names the variable that is malformed", () => {
    expect(() => exporterFromEnv({ [`${P}ENDPOINT`]: "nowhere" })).toThrow(
      `cannot export: ${P}ENDPOINT "nowhere" is not an http or https URL`,
    );
    expect(() => exporterFromEnv({ SPANLOOM_EXPORTER_SAMPLING: "2" })).toThrow(
      'cannot export: SPANLOOM_EXPORTER_SAMPLING "2" is not always, parent, or a number from 0 to 1',
    );
  });
});

describe("configureOtlp", () => {
  it("registers an exporter for the whole process until it is told otherwise", () => {
    const end = configureOtlp({ endpoint: "http://one" });
    configureOtlp({ endpoint: "http://two" });
    const again = configureOtlp({ endpoint: "http://two", compression: "gzip" });
    const urls = () => registeredExporters().map(({ destination }) => destination?.split(" ")[0]);
    expect(urls()).toEqual(["http://one/v1/traces", "http://two/v1/traces"]);
    end();
    again();
    expect(urls()).toEqual([]);
  });

  it("refuses options out of their domain at once", () => {
    expect(() => configureOtlp({ endpoint: "ftp://x" })).toThrow('endpoint "ftp://x" is not an http or https URL');
    expect(registeredExporters()).toEqual([]);
  });
});

const otlpVariables = {
  endpoint: { names: [`${P}ENDPOINT`] },
  protocol: { names: [`${P}PROTOCOL`] },
  headers: { names: [`${P}HEADERS`] },
  compression: { names: [`${P}COMPRESSION`] },
  timeoutMs: { names: [`${P}TIMEOUT`] },
  tls: { names: [`${P}CERTIFICATE`, `${P}CLIENT_CERTIFICATE`, `${P}CLIENT_KEY`] },
  insecure: { names: [`${P}INSECURE`] },
};

testReadme("exporter-otlp", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: otlpVariables,
  env: { [`${P}HEADERS`]: "authorization=Bearer%20token", [`${P}COMPRESSION`]: "gzip" },
  backend: () =>
    peerBackend({ headers: { traces: { authorization: "Bearer token", "content-encoding": "gzip" }, logs: {} } }),
});
