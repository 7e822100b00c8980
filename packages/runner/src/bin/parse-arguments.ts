import { parseArgs } from "node:util";
import { parseTags, readMetricsEnvironment } from "@spanloom/metrics";
import type { RunnerMetricsOptions } from "../metrics/metrics-options.ts";
import type { MetricsAddress } from "./serve-metrics.ts";
import { UsageError } from "./usage-error.ts";

/** What the command line and the environment say. */
export interface RunnerArguments {
  help: boolean;
  /** Modules to load. */
  modules: string[];
  /** Absent: an embedded server is started. */
  url: string | undefined;
  token: string | undefined;
  queues: string[] | undefined;
  concurrency: number | undefined;
  serviceName: string | undefined;
  graceMs: number | undefined;
  captureConsole: boolean;
  /** Where metrics are served; undefined: nowhere. */
  metricsListen: MetricsAddress | undefined;
  /** Who else is given metrics. */
  metrics: RunnerMetricsOptions;
  /** Data folder of the embedded server. */
  dataDir: string;
  /** PostgreSQL of the embedded server; undefined: SQLite. */
  databaseUrl: string | undefined;
  /** ClickHouse of the embedded server; undefined: chDB. */
  clickhouseUrl: string | undefined;
  /** Cluster and engine of its tables. */
  clickhouseCluster: string | undefined;
  clickhouseEngine: string | undefined;
  /** Days the embedded server keeps spans and logs. */
  retentionDays: number | undefined;
  /** Keys that the embedded server stores secrets of webhooks with; undefined: it stores none. */
  secretKey: string | undefined;
  /** Port of the embedded server. */
  port: number;
}

/** Text of `--help`. */
export const usage = `spanloom-runner: leases and runs tasks.

Usage: spanloom-runner <module> [<module> ...] [options]

Every task a module exports is offered to the server. Without a server URL an embedded
server is started in this process, so that one command is a whole system.

Options:
  --url <url>            server to lease from            SPANLOOM_URL
  --token <token>        bearer token                    SPANLOOM_TOKEN
  --queue <a,b>          queues to serve                 default "default"
  --concurrency <n>      attempts at once                default 10
  --service-name <name>  OpenTelemetry service.name      OTEL_SERVICE_NAME
  --grace-ms <n>         time to finish at shutdown      default 10000
  --capture-console      what tasks print becomes log records of their attempts, too
  --metrics-listen <address:port>
                         serve GET /metrics there        SPANLOOM_METRICS_LISTEN
  --data-dir <folder>    embedded server: data folder    SPANLOOM_DATA_DIR, default ./.spanloom
  --port <n>             embedded server: port           default 7171
  --help                 this text

Environment only:
  OTEL_METRICS_EXPORTER=otlp
                           push metrics by OTEL_EXPORTER_OTLP_METRICS_*
  SPANLOOM_METRICS_TAGS    static tags of metrics, name=value with commas
  SPANLOOM_CACHE_URL       where ctx.cache keeps its values, default cache/ in the data folder
  SPANLOOM_DATABASE_URL    embedded server: PostgreSQL, default SQLite in the data folder
  SPANLOOM_CLICKHOUSE_URL  embedded server: ClickHouse, default chDB in the data folder
  SPANLOOM_CLICKHOUSE_CLUSTER, SPANLOOM_CLICKHOUSE_ENGINE
                           embedded server: how tables are made there
  SPANLOOM_RETENTION_DAYS  embedded server: days that spans and logs are kept, default 30

SIGTERM or SIGINT: finish what runs, give back the rest, exit 0. A second signal exits at once.
`;

const options = {
  help: { type: "boolean" },
  url: { type: "string" },
  token: { type: "string" },
  queue: { type: "string", multiple: true },
  concurrency: { type: "string" },
  "service-name": { type: "string" },
  "grace-ms": { type: "string" },
  "capture-console": { type: "boolean" },
  "metrics-listen": { type: "string" },
  "data-dir": { type: "string" },
  port: { type: "string" },
} as const;

/** Reads the command line; flags beat the environment. Errors: UsageError naming the flag and its value. */
export function parseArguments(argv: readonly string[], env: Record<string, string | undefined>): RunnerArguments {
  const { values, positionals } = parse(argv);
  if (!values.help && positionals.length === 0) throw new UsageError("no module given, e.g. spanloom-runner tasks.ts");
  const queues = values.queue?.flatMap((text) => text.split(",")).map((name) => name.trim());
  if (queues?.some((name) => name === ""))
    throw new UsageError(`--queue is "${values.queue?.join(" ")}", must be names separated by commas`);
  return {
    help: values.help ?? false,
    modules: positionals,
    url: values.url ?? (env.SPANLOOM_URL || undefined),
    token: values.token ?? (env.SPANLOOM_TOKEN || undefined),
    queues,
    concurrency: wholeNumber("--concurrency", values.concurrency, [1, 10_000]),
    serviceName: values["service-name"],
    graceMs: wholeNumber("--grace-ms", values["grace-ms"], [0, 3_600_000]),
    captureConsole: values["capture-console"] ?? false,
    metricsListen: readListen(values["metrics-listen"], env.SPANLOOM_METRICS_LISTEN || undefined),
    metrics: readMetrics(env),
    dataDir: values["data-dir"] ?? (env.SPANLOOM_DATA_DIR || "./.spanloom"),
    databaseUrl: env.SPANLOOM_DATABASE_URL || undefined,
    clickhouseUrl: env.SPANLOOM_CLICKHOUSE_URL || undefined,
    clickhouseCluster: env.SPANLOOM_CLICKHOUSE_CLUSTER || undefined,
    clickhouseEngine: env.SPANLOOM_CLICKHOUSE_ENGINE || undefined,
    secretKey: env.SPANLOOM_SECRET_KEY || undefined,
    retentionDays: wholeNumber("SPANLOOM_RETENTION_DAYS", env.SPANLOOM_RETENTION_DAYS || undefined, [1, 10_000]),
    port: wholeNumber("--port", values.port, [0, 65_535]) ?? 7171,
  };
}

function readListen(flag: string | undefined, variable: string | undefined): MetricsAddress | undefined {
  const text = flag ?? variable;
  if (text === undefined) return undefined;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match && port <= 65_535) return { host: match[1] ?? match[2] ?? "", port };
  const source = flag === undefined ? "SPANLOOM_METRICS_LISTEN" : "--metrics-listen";
  throw new UsageError(`${source} is "${text}", must be an address, a colon and a port up to 65535`);
}

function readMetrics(env: Record<string, string | undefined>): RunnerMetricsOptions {
  const { push, resource } = readMetricsEnvironment(env);
  const tags = env.SPANLOOM_METRICS_TAGS ? parseTags("SPANLOOM_METRICS_TAGS", env.SPANLOOM_METRICS_TAGS) : {};
  return { push, resource, tags };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function wholeNumber(flag: string, text: string | undefined, [min, max]: [number, number]): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${flag} is "${text}", must be a whole number in ${min}..${max}`);
}
