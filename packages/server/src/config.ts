import { parseArgs } from "node:util";
import { parseTags, readMetricsEnvironment } from "@spanloom/metrics";
import { SpanloomError } from "@spanloom/protocol";
import { type ConfigFile, type FileFields, readConfigFile } from "./config-file.ts";
import { checkDatabaseUrl } from "./database-url.ts";
import { parseForwardFrom } from "./forward/forward-from.ts";
import type { ForwardFrom } from "./forward/forwarder.ts";
import type { ExporterConfig } from "./forward/load-exporters.ts";
import { parseOrigins } from "./http/cors.ts";
import type { MetricsOptions } from "./metrics/server-metrics.ts";
import { readSelfTracingTarget, type SelfTracingTarget } from "./self-tracing/self-tracing-target.ts";
import { checkClickHouseUrl } from "./telemetry/columnar/clickhouse/clickhouse-url.ts";
import { MAX_RETENTION_DAYS } from "./telemetry/columnar/schema.sql.ts";
import { checkCluster, checkEngine } from "./telemetry/columnar/table-engines.ts";
import { parseSecretKeys } from "./webhooks/secret-key.ts";

/** What the server's program can be told by flags and environment. */
export interface ServerConfig {
  dataDir: string;
  /** PostgreSQL that keeps jobs; may hold a password, so it is never printed. */
  databaseUrl: string | undefined;
  /** ClickHouse that keeps spans and logs; never printed either. */
  clickhouseUrl: string | undefined;
  /** Cluster of it over which tables are spread, and engine family of those that hold rows. */
  clickhouseCluster: string | undefined;
  clickhouseEngine: string | undefined;
  /** Days a span or log record is kept. */
  retentionDays: number | undefined;
  /** Days an event is kept. */
  eventRetentionDays: number | undefined;
  host: string;
  port: number;
  insecure: boolean;
  /** Whether the web console is served where it is installed. */
  console: boolean;
  token: string | undefined;
  /** Tokens with scopes, a line each. */
  tokensFile: string | undefined;
  /** Keys that secrets of webhooks are stored with; never printed. */
  secretKey: string | undefined;
  /** Origins whose pages may call. */
  corsOrigins: readonly string[] | undefined;
  tls: { certFile: string; keyFile: string } | undefined;
  /** Lease length of runners that ask for none. */
  defaultLeaseMs: number | undefined;
  exporters: readonly ExporterConfig[];
  /** Where new ones begin. */
  exporterFrom: ForwardFrom | undefined;
  metrics: MetricsOptions;
  /** Where spans of the server's own work go, and which part of its traces is recorded. */
  selfTracing: { target: SelfTracingTarget; ratio?: number } | undefined;
  /** Most bytes of telemetry that wait to be stored. */
  spoolMaxBytes: number | undefined;
}

/** What to do: run, or print something and leave. */
export type Command = { kind: "run"; config: ServerConfig } | { kind: "print"; text: "help" | "version" };

/** Environment by name; given by the program, as nothing else reads it. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface Setting {
  flag: string;
  /** Absent for switches. */
  value?: string;
  env?: string;
  fallback?: string;
  /** Whether it may be given more than once. */
  isList?: boolean;
  about: string;
}

const settings: readonly Setting[] = [
  {
    flag: "config",
    value: "<file>",
    env: "SPANLOOM_CONFIG",
    about: "file that says all this, and how exporters are set up: spanloom.json, or a module (.mjs, .ts)",
  },
  {
    flag: "data-dir",
    value: "<folder>",
    env: "SPANLOOM_DATA_DIR",
    fallback: "./.spanloom",
    about: "where jobs and telemetry are kept",
  },
  {
    flag: "database-url",
    value: "<url>",
    env: "SPANLOOM_DATABASE_URL",
    about: "PostgreSQL that keeps jobs instead, postgres://user:password@host:port/database",
  },
  {
    flag: "clickhouse-url",
    value: "<url>",
    env: "SPANLOOM_CLICKHOUSE_URL",
    about: "ClickHouse that keeps spans and logs instead, http://user:password@host:port",
  },
  {
    flag: "clickhouse-cluster",
    value: "<name>",
    env: "SPANLOOM_CLICKHOUSE_CLUSTER",
    about: "cluster of it on which tables are made",
  },
  {
    flag: "clickhouse-engine",
    value: "<engine>",
    env: "SPANLOOM_CLICKHOUSE_ENGINE",
    about: "engine of its tables, MergeTree or with a cluster ReplicatedMergeTree('/path', '{replica}')",
  },
  {
    flag: "retention-days",
    value: "<number>",
    env: "SPANLOOM_RETENTION_DAYS",
    about: `days that spans and logs are kept, 1..${MAX_RETENTION_DAYS} (default 30)`,
  },
  {
    flag: "event-retention-days",
    value: "<number>",
    env: "SPANLOOM_EVENT_RETENTION_DAYS",
    about: `days that events are kept, 1..${MAX_RETENTION_DAYS} (default 7)`,
  },
  {
    flag: "host",
    value: "<address>",
    env: "SPANLOOM_HOST",
    fallback: "127.0.0.1",
    about: "address to listen on",
  },
  { flag: "port", value: "<number>", env: "SPANLOOM_PORT", fallback: "7171", about: "port to listen on; 0 takes any" },
  { flag: "listen", value: "<address:port>", about: "both in one, e.g. 0.0.0.0:7171" },
  { flag: "token", value: "<text>", env: "SPANLOOM_TOKEN", about: "bearer token that every call must carry" },
  {
    flag: "tokens-file",
    value: "<file>",
    env: "SPANLOOM_TOKENS_FILE",
    about: "tokens with scopes, written by `spanloom-server token create`",
  },
  {
    flag: "secret-key",
    value: "<keys>",
    env: "SPANLOOM_SECRET_KEY",
    about: "keys that secrets of webhooks are stored with, 32 bytes as hex or base64, the newest first",
  },
  { flag: "tls-cert", value: "<file>", env: "SPANLOOM_TLS_CERT", about: "certificate chain in PEM: serve TLS alone" },
  { flag: "tls-key", value: "<file>", env: "SPANLOOM_TLS_KEY", about: "its private key in PEM" },
  {
    flag: "cors-origins",
    value: "<origins>",
    env: "SPANLOOM_CORS_ORIGINS",
    isList: true,
    about: "origins whose pages may call, with commas, e.g. https://app.example; * for any",
  },
  { flag: "insecure", about: "allow other machines to call without a token" },
  { flag: "no-console", env: "SPANLOOM_NO_CONSOLE", about: "serve no web console, although it is installed" },
  {
    flag: "default-lease-ms",
    value: "<number>",
    env: "SPANLOOM_DEFAULT_LEASE_MS",
    about: "lease of runners that ask for none, 1000..600000 (default 15000)",
  },
  {
    flag: "exporter",
    value: "<names>",
    env: "SPANLOOM_EXPORTERS",
    isList: true,
    about: "exporters that get every span and log, e.g. otlp; repeated or with commas",
  },
  {
    flag: "exporter-from",
    value: "<when>",
    env: "SPANLOOM_EXPORTER_FROM",
    about: "where a new exporter begins: now (default), beginning, or a time as 2026-11-21T12:00:00Z",
  },
  {
    flag: "self-tracing",
    value: "<where>",
    env: "SPANLOOM_SELF_TRACING",
    about: "trace the server's own work: a collector's URL, env (OTEL_EXPORTER_OTLP_*) or self (its own store)",
  },
  {
    flag: "self-tracing-ratio",
    value: "<number>",
    env: "SPANLOOM_SELF_TRACING_RATIO",
    about: "part of those traces that is recorded, 0..1 (default 1)",
  },
  {
    flag: "spool-max-bytes",
    value: "<number>",
    env: "SPANLOOM_SPOOL_MAX_BYTES",
    about: "most telemetry that waits to be stored; more is dropped and counted",
  },
  { flag: "metrics-public", env: "SPANLOOM_METRICS_PUBLIC", about: "let everyone read /metrics without a token" },
  {
    flag: "metrics-tag",
    value: "<name=value>",
    env: "SPANLOOM_METRICS_TAGS",
    isList: true,
    about: "static tag of every metric, e.g. team=a; repeated or with commas",
  },
  { flag: "help", about: "print this" },
  { flag: "version", about: "print the version" },
];

/** What the program is told by. */
interface Sources {
  flags: Flags;
  env: Environment;
  file: ConfigFile | undefined;
}

/** Flags that a file does not have: it has more to say of exporters, and host and port apart. */
const flagsAlone = ["config", "exporter", "listen", "help", "version"];

/** Names in a configuration file, which are those of flags in camel case, and what they may be. */
export const fileFields: FileFields = Object.fromEntries(
  settings
    .filter(({ flag }) => !flagsAlone.includes(flag))
    .map(({ flag, value, isList }) => {
      const kind = value === undefined ? "boolean" : value === "<number>" ? "number" : isList ? "list" : "text";
      return [keyOf(flag), kind];
    }),
);

function keyOf(flag: string): string {
  return flag.replace(/-./g, (dash) => dash.charAt(1).toUpperCase());
}

/**
 * Reads the command line, the environment and the configuration file they name; flags beat environment, environment beats
 * the file, and the file beats defaults.
 *
 * Errors: INVALID_FIELD naming the flag, the variable, or the place in the file that is unknown or malformed.
 */
export async function loadCommand(args: readonly string[], env: Environment, folder: string): Promise<Command> {
  const flags = parseFlags(args);
  const path = find("config", { flags, env, file: undefined })?.text;
  const file = path === undefined ? undefined : await readConfigFile(path, { folder, env, fields: fileFields });
  return readCommand(args, env, file);
}

/** As {@link loadCommand}, with a file that is read. */
export function readCommand(args: readonly string[], env: Environment, file?: ConfigFile): Command {
  const flags = parseFlags(args);
  if (flags.help) return { kind: "print", text: "help" };
  if (flags.version) return { kind: "print", text: "version" };
  return { kind: "run", config: toConfig({ flags, env, file }) };
}

type Flags = Readonly<Record<string, string | boolean | string[] | undefined>>;

function parseFlags(args: readonly string[]): Flags {
  const options = Object.fromEntries(
    settings.map(({ flag, value, isList = false }) => {
      return [flag, { type: value ? ("string" as const) : ("boolean" as const), multiple: isList }];
    }),
  );
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as Flags;
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause);
    throw new SpanloomError("INVALID_FIELD", `cannot read the command line: ${why}; see --help`, {}, { cause });
  }
}

function toConfig(sources: Sources): ServerConfig {
  const address = readListen(sources.flags.listen);
  const token = find("token", sources)?.text;
  if (token === "") throw refuse("token", "", "it must not be empty");
  return {
    dataDir: required("data-dir", sources).text,
    databaseUrl: readDatabaseUrl(sources),
    ...readClickHouse(sources),
    retentionDays: readInteger("retention-days", sources, { min: 1, max: MAX_RETENTION_DAYS }),
    eventRetentionDays: readInteger("event-retention-days", sources, { min: 1, max: MAX_RETENTION_DAYS }),
    host: address?.host ?? required("host", sources).text,
    port: address?.port ?? (readInteger("port", sources, { min: 0, max: 65_535 }) as number),
    insecure: isOn("insecure", sources),
    console: !isOn("no-console", sources),
    token,
    tokensFile: find("tokens-file", sources)?.text,
    secretKey: readSecretKey(sources),
    corsOrigins: readOrigins(sources),
    tls: readTls(sources),
    defaultLeaseMs: readInteger("default-lease-ms", sources, { min: 1_000, max: 600_000 }),
    exporters: readExporters(sources),
    exporterFrom: readFrom(sources),
    metrics: readMetrics(sources),
    selfTracing: readSelfTracing(sources),
    spoolMaxBytes: readInteger("spool-max-bytes", sources, { min: 1_048_576, max: Number.MAX_SAFE_INTEGER }),
  };
}

interface Found {
  /** Flag or variable it came from, for messages. */
  source: string;
  text: string;
}

function find(flag: string, { flags, env, file }: Sources): Found | undefined {
  const setting = settings.find((one) => one.flag === flag);
  const given = flags[flag];
  if (typeof given === "string") return { source: `--${flag}`, text: given };
  if (Array.isArray(given)) return { source: `--${flag}`, text: given.join(",") };
  const variable = setting?.env;
  const set = variable === undefined ? undefined : env[variable];
  if (variable !== undefined && set) return { source: variable, text: set };
  const filed = file?.settings[keyOf(flag)];
  if (file && filed !== undefined) return { source: `${keyOf(flag)} in ${file.path}`, text: String(filed) };
  return setting?.fallback === undefined ? undefined : { source: `--${flag}`, text: setting.fallback };
}

/** Whether a switch is on. */
function isOn(flag: string, sources: Sources): boolean {
  if (sources.flags[flag] === true) return true;
  const found = find(flag, sources);
  const text = found?.text ?? "false";
  if (text === "true" || text === "false") return text === "true";
  throw refuse(found?.source ?? flag, text, "it must be true or false");
}

function required(flag: string, sources: Sources): Found {
  const found = find(flag, sources);
  if (!found || found.text === "") throw refuse(found?.source ?? `--${flag}`, "", "it must not be empty");
  return found;
}

function readDatabaseUrl(sources: Sources): string | undefined {
  const found = find("database-url", sources);
  return found && checkDatabaseUrl(found.source, found.text);
}

function readClickHouse(sources: Sources) {
  const url = find("clickhouse-url", sources);
  const cluster = find("clickhouse-cluster", sources);
  const engine = find("clickhouse-engine", sources);
  const alone = cluster ?? engine;
  if (!url && alone)
    throw refuse(alone.source, alone.text, "it needs --clickhouse-url or SPANLOOM_CLICKHOUSE_URL as well");
  return {
    clickhouseUrl: url && checkClickHouseUrl(url.source, url.text),
    clickhouseCluster: cluster && checkCluster(cluster.source, cluster.text),
    clickhouseEngine: engine && checkEngine(engine.source, engine.text),
  };
}

function readSecretKey(sources: Sources): string | undefined {
  const found = find("secret-key", sources);
  if (found) parseSecretKeys(found.source, found.text);
  return found?.text;
}

function readOrigins(sources: Sources): string[] | undefined {
  const found = find("cors-origins", sources);
  return found && parseOrigins(found.source, found.text);
}

function readExporters(sources: Sources): readonly ExporterConfig[] {
  const found = find("exporter", sources);
  if (!found) return sources.file?.exporters ?? [];
  const names = found.text.split(",").map((name) => name.trim());
  if (names.includes("")) throw refuse(found.source, found.text, "a name in it is empty");
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw refuse(found.source, found.text, `it has "${twice}" twice`);
  return names.map((name) => ({ name, use: name }));
}

function readFrom(sources: Sources): ForwardFrom | undefined {
  const found = find("exporter-from", sources);
  return found && parseForwardFrom(found.source, found.text);
}

function readMetrics(sources: Sources): MetricsOptions {
  const tags = find("metrics-tag", sources);
  const { push, resource } = readMetricsEnvironment(sources.env);
  return {
    isPublic: isOn("metrics-public", sources),
    tags: tags ? parseTags(tags.source, tags.text) : {},
    resource,
    push,
  };
}

function readSelfTracing(sources: Sources): ServerConfig["selfTracing"] {
  const to = find("self-tracing", sources);
  const part = find("self-tracing-ratio", sources);
  if (!to && part) throw refuse(part.source, part.text, "it needs --self-tracing or SPANLOOM_SELF_TRACING as well");
  if (!to) return undefined;
  const target = readSelfTracingTarget(to.source, to.text, sources.env);
  if (!part) return { target };
  const ratio = /^\d*\.?\d+$/.test(part.text) ? Number(part.text) : Number.NaN;
  if (ratio >= 0 && ratio <= 1) return { target, ratio };
  throw refuse(part.source, part.text, "it must be a number, 0 to 1");
}

function readTls(sources: Sources): ServerConfig["tls"] {
  const cert = find("tls-cert", sources);
  const key = find("tls-key", sources);
  if (cert && key) return { certFile: cert.text, keyFile: key.text };
  if (cert) throw refuse(cert.source, cert.text, "it needs --tls-key or SPANLOOM_TLS_KEY as well");
  if (key) throw refuse(key.source, key.text, "it needs --tls-cert or SPANLOOM_TLS_CERT as well");
  return undefined;
}

function readInteger(flag: string, sources: Sources, range: { min: number; max: number }) {
  const found = find(flag, sources);
  if (!found) return undefined;
  const number = /^\d+$/.test(found.text) ? Number(found.text) : Number.NaN;
  if (number >= range.min && number <= range.max) return number;
  throw refuse(found.source, found.text, `it must be a whole number, ${range.min} to ${range.max}`);
}

function readListen(value: Flags[string]): { host: string; port: number } | undefined {
  if (typeof value !== "string") return undefined;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw refuse("--listen", value, "it must be an address, a colon and a port up to 65535");
  return { host: match[1] ?? match[2] ?? "", port };
}

function refuse(source: string, value: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${source} "${value}": ${why}`, { field: source });
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = settings.map((setting) => [left(setting), right(setting)] as const);
  const width = Math.max(...rows.map(([flag]) => flag.length));
  const lines = rows.map(([flag, about]) => `  ${flag.padEnd(width)}  ${about}`);
  const usage = ["Usage: spanloom-server [flags]", "       spanloom-server token create --name <name> --scope <a,b>"];
  return [
    ...usage,
    "",
    "Flags beat the environment, the environment beats the file of --config.",
    "",
    ...lines,
    "",
  ].join("\n");
}

function left({ flag, value }: Setting): string {
  return `--${flag}${value ? ` ${value}` : ""}`;
}

function right({ about, env, fallback }: Setting): string {
  const notes = [env, fallback && `default ${fallback}`].filter(Boolean).join(", ");
  return notes ? `${about} [${notes}]` : about;
}
