import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { defaultLimits, type Limits } from "@spanloom/protocol";
import { type Clock, systemClock } from "./clock.ts";
import { checkDatabaseUrl } from "./database-url.ts";
import { checkExposure } from "./exposure.ts";
import { CursorFiles } from "./forward/cursor-file.ts";
import type { ForwardFrom } from "./forward/forwarder.ts";
import { Forwarding, type ForwardingOptions } from "./forward/forwarding.ts";
import type { CursorStore } from "./forward/held-cursor.ts";
import type { NamedExporter } from "./forward/load-exporters.ts";
import { SharedCursors } from "./forward/shared-cursors.ts";
import { parseOrigins } from "./http/cors.ts";
import { loadConsole } from "./load-console.ts";
import type { MetricsOptions } from "./metrics/server-metrics.ts";
import type { SelfTracer } from "./self-tracing/self-tracer.ts";
import type { SelfTracingTarget } from "./self-tracing/self-tracing-target.ts";
import type { SelfTracing, SelfTracingOptions } from "./self-tracing/start-self-tracing.ts";
import { tracedExporter } from "./self-tracing/traced-exporter.ts";
import { type RunningServer, serve } from "./serve.ts";
import { PostgresStore } from "./store/postgres/index.ts";
import { DataLock } from "./store/sqlite/data-lock.ts";
import { SqliteStore } from "./store/sqlite/index.ts";
import type { Store } from "./store/store.ts";
import { ChdbSpanStore } from "./telemetry/columnar/chdb/index.ts";
import { ClickHouseSpanStore, checkClickHouseUrl } from "./telemetry/columnar/clickhouse/index.ts";
import type { SpanStore } from "./telemetry/columnar/span-store.ts";
import { checkCluster, checkEngine } from "./telemetry/columnar/table-engines.ts";
import type { IngestOutcome } from "./telemetry/telemetry.ts";
import { createTelemetry } from "./telemetry/telemetry-plane.ts";
import { serverVersion } from "./version.ts";
import type { SecretSources } from "./webhooks/read-secrets.ts";
import { parseSecretKeys } from "./webhooks/secret-key.ts";

/** How to run a server. */
export interface ServerOptions {
  /** Folder of jobs and telemetry; made when it is missing. One server at a time may use it. */
  dataDir: string;
  /**
   * PostgreSQL that keeps jobs, `postgres://user:password@host:port/database`; any number of servers may share one, each
   * with a data folder of its own for telemetry. Default: SQLite in the data folder.
   */
  databaseUrl?: string;
  /**
   * ClickHouse that keeps spans and logs, `http://user:password@host:port`; servers that share a PostgreSQL should share
   * one. Default: chDB in the data folder.
   */
  clickhouseUrl?: string;
  /** Cluster of that ClickHouse on which tables are made and over which they are spread. Default: none, one server. */
  clickhouseCluster?: string;
  /**
   * Engine of its tables: `MergeTree`, the default, or with a cluster
   * `ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')`.
   */
  clickhouseEngine?: string;
  /** Days that spans and logs are kept. Default 30. */
  retentionDays?: number;
  /** Days that events are kept. Default 7. */
  eventRetentionDays?: number;
  /** Address to listen on. Default 127.0.0.1. */
  host?: string;
  /** Port to listen on; 0, the default, takes any free one. */
  port?: number;
  /** Bearer token that every call must carry. Without one everyone who can connect is let in. */
  token?: string;
  /** File of tokens with scopes, as `spanloom-server token create` writes it; read again when it changes. */
  tokensFile?: string;
  /** PEM files of certificate chain and private key: the server then speaks TLS alone. Read again when they change. */
  tls?: { certFile: string; keyFile: string };
  /**
   * Keys that secrets of webhooks are stored with: 32 bytes each as hex or base64, with commas between; the first
   * encrypts, all decrypt. Default: none, and no secret can be stored.
   */
  secretKey?: string;
  /** Answers variables that webhooks name their secrets by. Default: there are none. */
  environment?: (name: string) => string | undefined;
  /** Origins whose pages may call, such as `https://app.example`; `*` is any. Default: none. */
  corsOrigins?: readonly string[];
  /** Exporters that get what comes into the store, each with the name that its cursor is kept by. Default: none. */
  exporters?: readonly NamedExporter[];
  /** Where an exporter that has no cursor begins. Default `now`. */
  exporterFrom?: ForwardFrom;
  /** Who may read metrics, their static tags, and whether they are pushed. Default: `/metrics` alone. */
  metrics?: MetricsOptions;
  /**
   * Traces what the server itself does: calls, scheduling, commits, inserts. `ratio`, 0 to 1, is the part of traces that is
   * recorded of those that begin here, default 1. Default: off.
   */
  selfTracing?: { target: SelfTracingTarget; ratio?: number };
  /** Serve the web console where `@spanloom/console` is installed. Default true. */
  console?: boolean;
  /** Listen beyond this machine without a token. */
  insecure?: boolean;
  /** Takes lines about defects and maintenance. Default: standard error. */
  log?: (line: string) => void;
  clock?: Clock;
  /**
   * Time of day in microseconds, which schedules follow when it is set. Default: the machine's, or that of a clock that is
   * given.
   */
  wallNowUs?: () => number;
  /** Limits that differ from the protocol's defaults. */
  limits?: Partial<Limits>;
  /** Most bytes of telemetry that wait to be stored; more is dropped and counted. */
  spoolMaxBytes?: number;
  /** How long `stop` waits for calls in flight, in milliseconds. Default 10 s. */
  graceMs?: number;
}

const DEFAULT_GRACE_MS = 10_000;

/**
 * Starts a server: jobs in SQLite, or in PostgreSQL when one is named, telemetry in chDB, or in ClickHouse.
 *
 * Errors: INVALID_STATE when the address is taken, would be open to other machines without a token, the folder is locked
 * by another server, read-only or from a newer version, or PostgreSQL refuses; STORE_UNAVAILABLE when it cannot be
 * reached. The message says which and what to do, and never holds a password.
 * Concurrency: one server in a process, as chDB has one folder in a process.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { dataDir, token, tokensFile, tls, insecure, spoolMaxBytes } = options;
  const host = options.host ?? "127.0.0.1";
  const clock = options.clock ?? systemClock;
  const log = options.log ?? ((line: string) => console.error(line));
  const limits: Limits = { ...defaultLimits, ...options.limits };
  checkExposure({ host, token, tokensFile, insecure });
  const instanceId = randomUUID();
  const selfTracing = await createSelfTracing(options, {
    instanceId,
    clock,
    log,
    ingest: (payloads): Promise<IngestOutcome> => telemetry.ingest(payloads),
  });
  const tracer = selfTracing?.tracer;
  const store = createStore(options, { clock, limits, tracer });
  const shared = options.clickhouseUrl !== undefined;
  const spanStore = createSpanStore(options, log);
  const telemetry = createTelemetry({
    dataDir,
    store,
    spanStore,
    shared,
    clock,
    log,
    tracer,
    ...(spoolMaxBytes !== undefined && { spoolMaxBytes }),
  });
  const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  const dataLock = options.databaseUrl === undefined ? undefined : new DataLock(dataDir);
  return serve({
    store,
    telemetry,
    selfTracing,
    instanceId,
    forwarding: createForwarding(options, tracer, {
      arrivals: telemetry.arrivals,
      cursors: createCursors(options, store, { clock, log }),
      retentionDays: spanStore.retentionDays,
      clock,
      log,
    }),
    dataLock,
    clock,
    wallNowUs: options.wallNowUs ?? (options.clock ? () => clock.nowUs() : () => Date.now() * 1000),
    eventRetentionDays: options.eventRetentionDays,
    limits,
    host,
    port: options.port ?? 0,
    token,
    tokensFile,
    tls,
    secrets: createSecrets(options),
    console: options.console === false ? undefined : await loadConsole(),
    corsOrigins: options.corsOrigins?.flatMap((origin) => parseOrigins("corsOrigins", origin)),
    metrics: options.metrics,
    log,
    graceMs,
  });
}

function createSecrets({ secretKey, environment = () => undefined }: ServerOptions): SecretSources {
  return { keys: secretKey === undefined ? [] : parseSecretKeys("secretKey", secretKey), environment };
}

/** undefined without an exporter. */
function createForwarding(
  { exporters: given = [], exporterFrom }: ServerOptions,
  tracer: SelfTracer | undefined,
  parts: Pick<ForwardingOptions, "arrivals" | "cursors" | "retentionDays" | "clock" | "log">,
): Forwarding | undefined {
  if (given.length === 0) return undefined;
  const exporters = tracer ? given.map((each) => tracedExporter(each, tracer)) : given;
  return new Forwarding({ ...parts, exporters, from: exporterFrom ?? "now", random: Math.random });
}

/** Servers that share spans serve each exporter in turns; one that has its spans for itself keeps its cursors, too. */
function createCursors(
  { dataDir, clickhouseUrl }: ServerOptions,
  { exportCursors }: Store,
  parts: { clock: Clock; log: (line: string) => void },
): CursorStore {
  if (exportCursors && clickhouseUrl !== undefined) return new SharedCursors({ ...parts, store: exportCursors });
  return new CursorFiles(join(dataDir, "forward"), () => parts.clock.nowUs());
}

/** undefined when it is off: nothing of it is loaded then. */
async function createSelfTracing(
  { selfTracing }: ServerOptions,
  parts: Pick<SelfTracingOptions, "clock" | "log" | "ingest" | "instanceId">,
): Promise<SelfTracing | undefined> {
  if (!selfTracing) return undefined;
  const { startSelfTracing } = await import("./self-tracing/start-self-tracing.ts");
  const { target, ratio = 1 } = selfTracing;
  return startSelfTracing({ ...parts, target, ratio, version: serverVersion() });
}

function createSpanStore(options: ServerOptions, log: (line: string) => void): SpanStore {
  const { dataDir, clickhouseUrl, clickhouseCluster, clickhouseEngine, retentionDays } = options;
  const kept = retentionDays === undefined ? {} : { retentionDays };
  if (clickhouseUrl === undefined) return new ChdbSpanStore({ dataDir: join(dataDir, "telemetry"), ...kept });
  return new ClickHouseSpanStore({
    url: checkClickHouseUrl("clickhouseUrl", clickhouseUrl),
    ...(clickhouseCluster !== undefined && { cluster: checkCluster("clickhouseCluster", clickhouseCluster) }),
    ...(clickhouseEngine !== undefined && { engine: checkEngine("clickhouseEngine", clickhouseEngine) }),
    ...kept,
    log,
  });
}

/** The embedded store locks its folder itself. */
function createStore(
  { dataDir, databaseUrl }: ServerOptions,
  { clock, limits, tracer }: { clock: Clock; limits: Limits; tracer: SelfTracer | undefined },
): Store {
  const rules = {
    tracer,
    nowUs: () => clock.nowUs(),
    maxInlineDependencyBytes: limits.maxInlineDependencyBytes,
    maxLeaseBytes: limits.maxResponseBytes,
  };
  return databaseUrl === undefined
    ? new SqliteStore({ dataDir, preallocateLog: true, ...rules })
    : new PostgresStore({ url: checkDatabaseUrl("databaseUrl", databaseUrl), ...rules });
}
