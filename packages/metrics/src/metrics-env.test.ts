import { describe, expect, it } from "vitest";
import { readMetricsEnvironment } from "./metrics-env.ts";
import { parseTags } from "./static-tags.ts";

describe("the environment of metrics", () => {
  it("pushes nothing unless it is asked to, and nothing when the SDK is disabled", () => {
    expect(readMetricsEnvironment({})).toEqual({ push: undefined, resource: {} });
    for (const names of ["none", "prometheus", " "])
      expect(readMetricsEnvironment({ OTEL_METRICS_EXPORTER: names }).push).toBeUndefined();
    expect(readMetricsEnvironment({ OTEL_METRICS_EXPORTER: "otlp", OTEL_SDK_DISABLED: "TRUE" }).push).toBeUndefined();
  });

  it("pushes with OpenTelemetry's defaults", () => {
    const push = { protocol: "http/protobuf", intervalMs: 60_000, timeoutMs: 30_000 };
    expect(readMetricsEnvironment({ OTEL_METRICS_EXPORTER: "prometheus, otlp" }).push).toEqual(push);
  });

  it("prefers what is said of metrics, and keeps a push within its interval", () => {
    const env = {
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_METRIC_EXPORT_INTERVAL: "5000",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc",
    };
    expect(readMetricsEnvironment(env).push).toEqual({ protocol: "grpc", intervalMs: 5_000, timeoutMs: 5_000 });
  });

  it("reads the resource, percent-decoded, and the service's name over it", () => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: "team=a%2Cb, service.name=x ,empty=", OTEL_SERVICE_NAME: "y" };
    expect(readMetricsEnvironment(env).resource).toEqual({ team: "a,b", "service.name": "y", empty: "" });
  });

  it.each([
    ["OTEL_METRICS_EXPORTER", "console", "none of otlp, prometheus and none"],
    ["OTEL_METRIC_EXPORT_INTERVAL", "1s", "whole number of milliseconds"],
    ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http", "none of http/protobuf, http/json, grpc"],
    ["OTEL_RESOURCE_ATTRIBUTES", "team", "not name=value"],
    ["OTEL_RESOURCE_ATTRIBUTES", "team=%zz", "not percent-encoded"],
  ])("refuses %s=%s", (name, value, why) => {
    const read = () => readMetricsEnvironment({ OTEL_METRICS_EXPORTER: "otlp", [name]: value });
    expect(read).toThrow(why);
    expect(read).toThrow(name);
  });
});

describe("static tags", () => {
  it("are names and values with commas", () => {
    expect(parseTags("TAGS", "team=a, env = b=c,")).toEqual({ team: "a", env: "b=c" });
  });

  it.each([
    ["team", "not a list of name=value"],
    ["team=", "not a list of name=value"],
    ["1a=b", '"1a" is not a name'],
    ["le=b", "meaning of its own"],
    ["a=b,a=c", 'has "a" twice'],
  ])("are refused as %s", (text, why) => {
    expect(() => parseTags("--metrics-tag", text)).toThrow(why);
    expect(() => parseTags("--metrics-tag", text)).toThrow("cannot use --metrics-tag");
  });
});
