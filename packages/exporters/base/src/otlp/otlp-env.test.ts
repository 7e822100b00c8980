import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { otlpOptionsFromEnv } from "./otlp-env.ts";
import { OtlpExporter } from "./otlp-exporter.ts";
import { targetOf } from "./otlp-options.ts";

const P = "OTEL_EXPORTER_OTLP_";

describe("otlpOptionsFromEnv", () => {
  it("gives nothing for an empty environment, and the defaults hold", () => {
    expect(otlpOptionsFromEnv({})).toEqual({});
    expect(targetOf({}, "traces")).toMatchObject({ protocol: "http/protobuf", timeoutMs: 10_000, compression: "none" });
    expect(targetOf({}, "traces").url.href).toBe("http://localhost:4318/v1/traces");
    expect(targetOf({ protocol: "grpc" }, "logs").url.href).toBe("http://localhost:4317/");
  });

  it("adds the path to the base endpoint and takes a signal's endpoint as it is", () => {
    const options = otlpOptionsFromEnv({
      [`${P}ENDPOINT`]: "https://otlp.example.com/prefix",
      [`${P}LOGS_ENDPOINT`]: "http://logs.example.com/in",
    });
    expect(targetOf(options, "traces").url.href).toBe("https://otlp.example.com/prefix/v1/traces");
    expect(targetOf(options, "logs").url.href).toBe("http://logs.example.com/in");
  });

  it("puts a signal's settings over those for both", () => {
    const options = otlpOptionsFromEnv({
      [`${P}HEADERS`]: "Authorization=Bearer%20abc, x-team = a ",
      [`${P}TRACES_HEADERS`]: "x-team=b",
      [`${P}TIMEOUT`]: "2500",
      [`${P}LOGS_TIMEOUT`]: "100",
      [`${P}COMPRESSION`]: "gzip",
      [`${P}LOGS_COMPRESSION`]: "none",
      [`${P}TRACES_PROTOCOL`]: "grpc",
    });
    expect(targetOf(options, "traces")).toMatchObject({
      headers: { authorization: "Bearer abc", "x-team": "b" },
      timeoutMs: 2_500,
      compression: "gzip",
      protocol: "grpc",
    });
    expect(targetOf(options, "logs")).toMatchObject({
      headers: { authorization: "Bearer abc", "x-team": "a" },
      timeoutMs: 100,
      compression: "none",
      protocol: "http/protobuf",
    });
  });

  it("reads certificates of one signal over those for both", () => {
    const folder = mkdtempSync(join(tmpdir(), "spanloom-otlp-"));
    const pem = (name: string) => {
      writeFileSync(join(folder, name), name);
      return join(folder, name);
    };
    const options = otlpOptionsFromEnv({
      [`${P}CERTIFICATE`]: pem("both-ca"),
      [`${P}CLIENT_CERTIFICATE`]: pem("both-cert"),
      [`${P}CLIENT_KEY`]: pem("both-key"),
      [`${P}LOGS_CERTIFICATE`]: pem("logs-ca"),
    });
    rmSync(folder, { recursive: true });
    expect(targetOf(options, "traces").tls).toEqual({ ca: "both-ca", cert: "both-cert", key: "both-key" });
    expect(targetOf(options, "logs").tls).toEqual({ ca: "logs-ca", cert: "both-cert", key: "both-key" });
  });

  it("takes a gRPC endpoint without a scheme for a secure one, unless it is said not to be", () => {
    const env = { [`${P}PROTOCOL`]: "grpc", [`${P}ENDPOINT`]: "collector:4317" };
    expect(targetOf(otlpOptionsFromEnv(env), "traces").url.href).toBe("https://collector:4317/");
    const insecure = otlpOptionsFromEnv({ ...env, [`${P}INSECURE`]: "true" });
    expect(targetOf(insecure, "logs").url.href).toBe("http://collector:4317/");
    const logsOnly = { [`${P}LOGS_PROTOCOL`]: "grpc", [`${P}LOGS_ENDPOINT`]: "http://collector:4317" };
    expect(targetOf(otlpOptionsFromEnv(logsOnly), "logs").url.href).toBe("http://collector:4317/");
  });

  it("says of both signals, or of one, whether a gRPC endpoint without a scheme is insecure", () => {
    const env = { [`${P}PROTOCOL`]: "grpc", [`${P}INSECURE`]: "TRUE", [`${P}LOGS_INSECURE`]: "false" };
    const options = otlpOptionsFromEnv({
      ...env,
      [`${P}TRACES_ENDPOINT`]: "traces:4317",
      [`${P}LOGS_ENDPOINT`]: "logs:4317",
    });
    expect(targetOf(options, "traces").url.href).toBe("http://traces:4317/");
    expect(targetOf(options, "logs").url.href).toBe("https://logs:4317/");
  });

  it("takes an endpoint without a scheme for both when one signal goes over gRPC, or an option says so", () => {
    const env = { [`${P}ENDPOINT`]: "collector:4317" };
    const traces = otlpOptionsFromEnv({ ...env, [`${P}TRACES_PROTOCOL`]: "grpc" });
    expect(targetOf(traces, "traces").url.href).toBe("https://collector:4317/");
    expect(() => targetOf(traces, "logs")).toThrow('endpoint "collector:4317" is not an http or https URL');
    const given = otlpOptionsFromEnv(env, { protocol: "grpc", insecure: true });
    expect(targetOf(given, "logs").url.href).toBe("http://collector:4317/");
  });

  it("takes no limit for a timeout of 0", () => {
    expect(targetOf(otlpOptionsFromEnv({ [`${P}TIMEOUT`]: "0" }), "traces").timeoutMs).toBe(2 ** 31 - 1);
  });

  it("puts options over variables, those for one signal, too, and headers one by one", () => {
    const env = {
      [`${P}TRACES_ENDPOINT`]: "http://env-traces/",
      [`${P}ENDPOINT`]: "http://env",
      [`${P}HEADERS`]: "authorization=env,x-team=env",
      [`${P}LOGS_HEADERS`]: "authorization=env-logs,x-logs=env",
      [`${P}TRACES_COMPRESSION`]: "gzip",
      [`${P}LOGS_TIMEOUT`]: "7",
    };
    const options = otlpOptionsFromEnv(env, {
      endpoint: "http://given",
      headers: { Authorization: "given" },
      compression: undefined,
      logs: { timeoutMs: 8, headers: { "X-Logs": "given" } },
    });
    expect(targetOf(options, "traces")).toMatchObject({
      url: { href: "http://given/v1/traces" },
      headers: { authorization: "given", "x-team": "env" },
      compression: "gzip",
      timeoutMs: 10_000,
    });
    expect(targetOf(options, "logs")).toMatchObject({
      url: { href: "http://given/v1/logs" },
      headers: { authorization: "given", "x-team": "env", "x-logs": "given" },
      compression: "none",
      timeoutMs: 8,
    });
  });

  it("puts certificates that are given over those of variables, one by one", () => {
    const folder = mkdtempSync(join(tmpdir(), "spanloom-otlp-"));
    const path = join(folder, "env.pem");
    writeFileSync(path, "env");
    const names = ["CERTIFICATE", "TRACES_CERTIFICATE", "CLIENT_KEY", "TRACES_CLIENT_KEY"];
    const env = Object.fromEntries(names.map((name) => [`${P}${name}`, path]));
    const options = otlpOptionsFromEnv(env, { tls: { ca: "given" } });
    rmSync(folder, { recursive: true });
    expect(targetOf(options, "traces").tls).toEqual({ ca: "given", key: "env" });
  });

  it("takes an empty variable for an absent one", () => {
    expect(otlpOptionsFromEnv({ [`${P}ENDPOINT`]: " ", [`${P}TIMEOUT`]: "" })).toEqual({});
  });

  it("reads certificates", () => {
    const folder = mkdtempSync(join(tmpdir(), "spanloom-otlp-"));
    const path = join(folder, "ca.pem");
    writeFileSync(path, "PEM");
    expect(otlpOptionsFromEnv({ [`${P}CERTIFICATE`]: path })).toEqual({ tls: { ca: "PEM" } });
    rmSync(folder, { recursive: true });
    expect(() => otlpOptionsFromEnv({ [`${P}CERTIFICATE`]: path })).toThrow(
      `cannot export: ${P}CERTIFICATE "${path}" cannot be read`,
    );
  });

  it.each([
    ["ENDPOINT", "localhost:4318", '"localhost:4318" is not an http or https URL'],
    ["TIMEOUT", "10s", '"10s" is not a whole number of milliseconds'],
    ["TIMEOUT", "-1", '"-1" is not a whole number of milliseconds'],
    ["INSECURE", "yes", '"yes" is not one of true, false'],
    ["ENDPOINT", "ftp://user:secret@host", '"ftp://…@host" is not an http or https URL'],
    ["COMPRESSION", "zstd", '"zstd" is not one of gzip, none'],
    ["LOGS_PROTOCOL", "http/xml", '"http/xml" is not one of http/protobuf, http/json, grpc'],
    ["HEADERS", "secret", '"…" is not a list of key=value pairs'],
    ["HEADERS", "a=%zz", '"…" has a value that is not percent-encoded'],
  ])("names %s when it is %s", (name, value, problem) => {
    expect(() => otlpOptionsFromEnv({ [`${P}${name}`]: value })).toThrow(`cannot export: ${P}${name} ${problem}`);
  });
});

describe("OtlpExporter", () => {
  it("refuses options out of their domain", () => {
    expect(() => new OtlpExporter({ endpoint: "ftp://x" })).toThrow('endpoint "ftp://x" is not an http or https URL');
    expect(() => new OtlpExporter({ timeoutMs: 0 })).toThrow('timeoutMs "0" is not a number of milliseconds');
    const refused = 'cannot export: headers.x-key "…" cannot be sent in a header';
    expect(() => new OtlpExporter({ headers: { "X-Key": "secret\n" }, protocol: "grpc" })).toThrow(refused);
    expect(() => new OtlpExporter({ logs: { headers: { "x key": "a" } } })).toThrow('headers.x key "…" cannot be sent');
  });
});
