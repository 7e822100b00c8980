import { describe, expect, it } from "vitest";
import { helpText, readCommand } from "./config.ts";

/** The configuration a command line gives. */
function config(args: string[], env: Record<string, string> = {}) {
  const command = readCommand(args, env);
  if (command.kind !== "run") throw new Error("no run");
  return command.config;
}

describe("the command line", () => {
  it("has defaults that serve this machine only", () => {
    expect(config([])).toEqual({
      dataDir: "./.spanloom",
      databaseUrl: undefined,
      clickhouseUrl: undefined,
      clickhouseCluster: undefined,
      clickhouseEngine: undefined,
      retentionDays: undefined,
      eventRetentionDays: undefined,
      host: "127.0.0.1",
      port: 7171,
      insecure: false,
      console: true,
      token: undefined,
      tokensFile: undefined,
      corsOrigins: undefined,
      tls: undefined,
      defaultLeaseMs: undefined,
      spoolMaxBytes: undefined,
      exporters: [],
      exporterFrom: undefined,
      metrics: { isPublic: false, tags: {}, resource: {}, push: undefined },
    });
  });

  it("lets flags beat the environment and the environment beat defaults", () => {
    const env = { SPANLOOM_PORT: "8000", SPANLOOM_HOST: "::1", SPANLOOM_DATA_DIR: "/a", SPANLOOM_TOKEN: "t" };
    expect(config([], env)).toMatchObject({ port: 8000, host: "::1", dataDir: "/a", token: "t" });
    expect(config(["--port", "9000"], env)).toMatchObject({ port: 9000, host: "::1" });
  });

  it("takes files of tokens and of TLS", () => {
    const env = { SPANLOOM_TOKENS_FILE: "/t", SPANLOOM_TLS_CERT: "/c", SPANLOOM_TLS_KEY: "/k" };
    expect(config([], env)).toMatchObject({ tokensFile: "/t", tls: { certFile: "/c", keyFile: "/k" } });
    expect(config(["--tls-key", "/other"], env).tls).toEqual({ certFile: "/c", keyFile: "/other" });
  });

  it("takes the origins of pages", () => {
    const env = { SPANLOOM_CORS_ORIGINS: "https://app.example,http://localhost:5173" };
    expect(config([], env).corsOrigins).toEqual(["https://app.example", "http://localhost:5173"]);
    expect(config(["--cors-origins", "*"], env).corsOrigins).toEqual(["*"]);
  });

  it("takes exporters, repeated or with commas, and where new ones begin", () => {
    const env = { SPANLOOM_EXPORTERS: "otlp, axiom", SPANLOOM_EXPORTER_FROM: "1970-01-01T00:00:01Z" };
    expect(config([], env)).toMatchObject({
      exporters: [
        { name: "otlp", use: "otlp" },
        { name: "axiom", use: "axiom" },
      ],
      exporterFrom: 1_000_000n,
    });
    const args = ["--exporter", "otlp", "--exporter", "./own.mjs", "--exporter-from", "beginning"];
    expect(config(args, env)).toMatchObject({
      exporters: [
        { name: "otlp", use: "otlp" },
        { name: "./own.mjs", use: "./own.mjs" },
      ],
      exporterFrom: "beginning",
    });
  });

  it("takes who may read metrics, their tags, and OpenTelemetry's variables for them", () => {
    const env = { SPANLOOM_METRICS_PUBLIC: "true", SPANLOOM_METRICS_TAGS: "team=a,env=b", OTEL_SERVICE_NAME: "s" };
    expect(config([], env).metrics).toMatchObject({ isPublic: true, tags: { team: "a", env: "b" } });
    expect(config([], env).metrics.resource).toEqual({ "service.name": "s" });
    const args = ["--metrics-public", "--metrics-tag", "a=1", "--metrics-tag", "b=2"];
    expect(config(args, { OTEL_METRICS_EXPORTER: "otlp" }).metrics).toMatchObject({
      isPublic: true,
      tags: { a: "1", b: "2" },
      push: { protocol: "http/protobuf", intervalMs: 60_000 },
    });
    expect(() => config([], { SPANLOOM_METRICS_PUBLIC: "yes" })).toThrow("it must be true or false");
    expect(() => config(["--metrics-tag", "a"])).toThrow('cannot use --metrics-tag "a"');
  });

  it("takes where self-tracing goes, and which part is recorded", () => {
    expect(config([]).selfTracing).toBeUndefined();
    expect(config(["--self-tracing", "self"]).selfTracing).toEqual({ target: { kind: "self" } });
    const env = { SPANLOOM_SELF_TRACING: "env", SPANLOOM_SELF_TRACING_RATIO: "0.25" };
    expect(config([], env).selfTracing).toEqual({ target: { kind: "otlp", protocol: "http/protobuf" }, ratio: 0.25 });
    expect(config(["--self-tracing-ratio", "0"], env).selfTracing).toMatchObject({ ratio: 0 });
    for (const ratio of ["2", "-1", "half"])
      expect(() => config([], { ...env, SPANLOOM_SELF_TRACING_RATIO: ratio })).toThrow(
        `cannot use SPANLOOM_SELF_TRACING_RATIO "${ratio}": it must be a number, 0 to 1`,
      );
    expect(() => config(["--self-tracing-ratio", "0.1"])).toThrow("it needs --self-tracing");
  });

  it("takes address and port in one", () => {
    expect(config(["--listen", "0.0.0.0:80"])).toMatchObject({ host: "0.0.0.0", port: 80 });
    expect(config(["--listen", "[::]:80"])).toMatchObject({ host: "::", port: 80 });
  });

  it("answers --help and --version before anything else", () => {
    expect(readCommand(["--help"], { SPANLOOM_DATABASE_URL: "x" })).toEqual({ kind: "print", text: "help" });
    expect(readCommand(["--version"], {})).toEqual({ kind: "print", text: "version" });
  });

  it.each([
    [["--prot", "1"], {}, /--prot/],
    [["extra"], {}, /extra/],
    [["--port"], {}, /--port/],
    [["--cors-origins", "app"], {}, /--cors-origins "app": write an origin/],
    [["--port", "70000"], {}, /--port "70000": it must be a whole number, 0 to 65535/],
    [["--port", "7e3"], {}, /"7e3"/],
    [[], { SPANLOOM_PORT: "http" }, /SPANLOOM_PORT "http"/],
    [["--listen", "80"], {}, /--listen "80"/],
    [["--token", ""], {}, /token/],
    [["--data-dir", ""], {}, /--data-dir/],
    [["--tls-cert", "c.pem"], {}, /--tls-cert "c.pem": it needs --tls-key or SPANLOOM_TLS_KEY as well/],
    [[], { SPANLOOM_TLS_KEY: "k.pem" }, /SPANLOOM_TLS_KEY "k.pem": it needs --tls-cert/],
    [["--default-lease-ms", "5"], {}, /1000 to 600000/],
    [[], { SPANLOOM_DATABASE_URL: "postgres://db" }, /SPANLOOM_DATABASE_URL: it names no database; write postgres:/],
    [["--database-url", "mysql://db/jobs"], {}, /--database-url: its scheme is "mysql"/],
    [["--database-url", "jobs"], {}, /--database-url: it is no URL/],
    [[], { SPANLOOM_CLICKHOUSE_URL: "clickhouse://ch" }, /SPANLOOM_CLICKHOUSE_URL: it must be http:/],
    [["--clickhouse-url", "http://ch:8123/traces"], {}, /--clickhouse-url: .*without path/],
    [["--clickhouse-url", "http://ch:8123?database=x"], {}, /--clickhouse-url: .*no parameter but clickhouse_setting_/],
    [["--clickhouse-cluster", "main"], {}, /--clickhouse-cluster "main": it needs --clickhouse-url/],
    [["--clickhouse-url", "http://ch"], { SPANLOOM_CLICKHOUSE_ENGINE: "Log" }, /SPANLOOM_CLICKHOUSE_ENGINE "Log": it/],
    [["--exporter", "otlp", "--exporter", "otlp"], {}, /--exporter "otlp,otlp": it has "otlp" twice/],
    [["--exporter", ""], {}, /--exporter "": a name in it is empty/],
    [["--exporter-from", "yesterday"], {}, /--exporter-from "yesterday": it must be now, beginning or a time/],
    [["--retention-days", "0"], {}, /--retention-days "0": it must be a whole number, 1 to 10000/],
  ])("refuses %j with %j, naming it", (args, env, message) => {
    expect(() => readCommand(args, env)).toThrow(
      expect.objectContaining({ reason: "INVALID_FIELD", message: expect.stringMatching(message) }) as Error,
    );
  });

  it("takes a ClickHouse with its cluster, engine and settings", () => {
    const url = "https://me:s3cret@ch:8443?clickhouse_setting_insert_quorum=1";
    const env = { SPANLOOM_CLICKHOUSE_URL: url, SPANLOOM_CLICKHOUSE_CLUSTER: "main", SPANLOOM_RETENTION_DAYS: "90" };
    const engine = "ReplicatedMergeTree('/a/{shard}/{table}', '{replica}')";
    expect(config(["--clickhouse-engine", engine], env)).toMatchObject({
      clickhouseUrl: url,
      clickhouseCluster: "main",
      clickhouseEngine: engine,
      retentionDays: 90,
    });
    for (const wrong of ["me:s3cret@ch", "http://me:s3cret@ch/x", "http://me:s3cret@ch?x=1"]) {
      expect(() => config(["--clickhouse-url", wrong])).toThrow(/^cannot use --clickhouse-url: (?!.*s3cret)/);
    }
  });

  it("takes a PostgreSQL URL, and quotes none that may hold a password", () => {
    const url = "postgresql://me:s3cret@db:5432/jobs?sslmode=verify-full";
    expect(config([], { SPANLOOM_DATABASE_URL: url }).databaseUrl).toBe(url);
    for (const wrong of ["me:s3cret@db/jobs", "http://me:s3cret@db/jobs", "postgres://me:s3cret@db"]) {
      expect(() => config(["--database-url", wrong])).toThrow(/^cannot use --database-url: (?!.*s3cret)/);
    }
  });

  it("lists every flag and variable in --help", () => {
    const help = helpText();
    for (const name of ["--data-dir", "--host", "--port", "--listen", "--token", "--insecure", "--help", "--version"])
      expect(help).toContain(name);
    for (const name of [
      "SPANLOOM_DATA_DIR",
      "SPANLOOM_DATABASE_URL",
      "SPANLOOM_HOST",
      "SPANLOOM_PORT",
      "SPANLOOM_TOKEN",
    ])
      expect(help).toContain(name);
  });
});
