import { describe, expect, it } from "vitest";
import { readSelfTracingTarget } from "./self-tracing-target.ts";

const read = (text: string, env: Record<string, string> = {}) => readSelfTracingTarget("--self-tracing", text, env);

describe("where self-tracing goes", () => {
  it("is the own store, what the environment says, or a collector", () => {
    expect(read("self")).toEqual({ kind: "self" });
    expect(read("env")).toEqual({ kind: "otlp", protocol: "http/protobuf" });
    expect(read("http://127.0.0.1:4318")).toMatchObject({ url: "http://127.0.0.1:4318/v1/traces" });
    expect(read("https://collector/otlp/")).toMatchObject({ url: "https://collector/otlp/v1/traces" });
    expect(read("http://collector/v1/traces")).toMatchObject({ url: "http://collector/v1/traces" });
  });

  it("is by the protocol of the environment, that of traces first", () => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
    expect(read("env", env)).toEqual({ kind: "otlp", protocol: "http/json" });
    const both = { ...env, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" };
    expect(read("http://collector:4317", both)).toEqual({
      kind: "otlp",
      protocol: "grpc",
      url: "http://collector:4317/",
    });
  });

  it("is refused when it is nothing of these", () => {
    expect(() => read("yes")).toThrow(
      'cannot use --self-tracing "yes": it must be self, env or a URL as http://127.0.0.1:4318',
    );
    expect(() => read("ftp://x")).toThrow("it must be self, env or a URL");
    expect(() => read("env", { OTEL_EXPORTER_OTLP_PROTOCOL: "thrift" })).toThrow(
      'cannot use OTEL_EXPORTER_OTLP_PROTOCOL "thrift": self-tracing speaks http/protobuf, http/json, grpc',
    );
  });
});
