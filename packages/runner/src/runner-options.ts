import type { Transport } from "@connectrpc/connect";
import { context } from "@opentelemetry/api";
import type { Exporter } from "@spanloom/exporter";
import { defaultLimits, SpanloomError } from "@spanloom/protocol";
import { type AnyTask, isSdkDisabled } from "@spanloom/sdk";
import type { CacheOptions } from "./cache/cache-options.ts";
import type { RunnerHooks } from "./hooks/runner-hooks.ts";
import type { RunnerMetricsOptions } from "./metrics/metrics-options.ts";
import { untraced } from "./untraced-transport.ts";

/** Options of a {@link Runner}. */
export interface RunnerOptions {
  /** The code it can run; every task it is leased is one of these. */
  tasks: readonly AnyTask[];
  /** Base URL of the server. Default `http://127.0.0.1:7171`. */
  url?: string | undefined;
  /** Bearer token, when the server asks for one. */
  token?: string | undefined;
  /** HTTP version, as of a client. Default "1.1". */
  httpVersion?: "1.1" | "2" | undefined;
  /** Queues it serves. Default `["default"]`. */
  queues?: readonly string[] | undefined;
  /** Attempts at once, 1..10,000. Default 10. */
  concurrency?: number | undefined;
  /**
   * Most tasks held beyond `concurrency`, so that the next ones are here when tiny tasks end, 0..1000. Default 1000.
   *
   * How many are held follows from how long attempts take: none when they take longer than a round trip is worth.
   */
  prefetch?: number | undefined;
  /** OpenTelemetry `service.name`. Default: OTEL_SERVICE_NAME as the OpenTelemetry SDK reads it, or `spanloom-runner`. */
  serviceName?: string | undefined;
  /** OpenTelemetry `service.version`. */
  serviceVersion?: string | undefined;
  /** How long stop() lets attempts finish before it aborts and releases them. Default 10,000. */
  graceMs?: number | undefined;
  /** How long an aborted attempt may go on before its slot is taken from it. Default 5,000. */
  abandonAfterMs?: number | undefined;
  /**
   * How long leases are kept for code that blocks the event loop, in milliseconds; then the runner counts as hung and
   * loses them. 0 keeps none longer than the lease. Default 300,000.
   *
   * A thread sends the heartbeats meanwhile; with a `transport` of one's own there is none.
   */
  blockedMaxMs?: number | undefined;
  /** Where tasks' `ctx.cache` keeps its bytes. Default: a folder, `.spanloom/cache`, for a week. */
  cache?: CacheOptions | undefined;
  /**
   * Backends that receive every finished attempt's spans and logs, and the spans of jobs, tasks and attempts from the
   * server, beside the server and what was registered for the whole process (`configureOtlp` and its like) before the
   * runner was made. The runner shuts them down when it stops.
   */
  exporters?: readonly Exporter[] | undefined;
  /** Told when jobs and tasks begin and end here, for tracers and notifiers of one's own. */
  hooks?: readonly RunnerHooks[] | undefined;
  /**
   * Whether spans and logs of tasks are recorded. Without, or with OTEL_SDK_DISABLED=true, nothing is registered globally,
   * `ctx.span` only runs its function, `ctx.log` writes nothing, exporters are given nothing, and attempts are not told to
   * the application's tracer provider. Trace context goes on being passed on. Default true.
   */
  tracing?: boolean | undefined;
  /**
   * Whether a tracer provider that stands in for the application's, until it has one, and the W3C propagators are
   * registered globally, unless the application did. Default true.
   *
   * The context manager is registered in any case when there is none: without it spans could not nest.
   */
  registerGlobalTracing?: boolean | undefined;
  /**
   * Whether what tasks print with `console` becomes log records of their attempts, too. It is printed all the same.
   * Default false.
   *
   * From start() to stop() methods of the global `console` are replaced.
   */
  captureConsole?: boolean | undefined;
  /** Who collects the runner's metrics. Default: the application's meter provider, if it has registered one globally. */
  metrics?: RunnerMetricsOptions | undefined;
  /** Most bytes of spans and logs held in all; over it the oldest are dropped and counted. Default 128 MiB. */
  maxTelemetryBytes?: number | undefined;
  /** Bytes of finished results held while the server is away; over it no more tasks are leased. Default 64 MiB. */
  maxResultBytes?: number | undefined;
  /** Receives one line for each noteworthy event. Default: nothing is written. */
  log?: ((line: string) => void) | undefined;
  /** A ready transport, e.g. an in-memory router; `url` and `token` are then unused. */
  transport?: Transport | undefined;
}

/** Options with every default filled in. */
export interface RunnerSettings {
  queues: readonly string[];
  concurrency: number;
  prefetch: number;
  serviceName: string | undefined;
  serviceVersion: string | undefined;
  graceMs: number;
  abandonAfterMs: number;
  blockedMaxMs: number;
  exporters: readonly Exporter[];
  hooks: readonly RunnerHooks[];
  tracing: boolean;
  registerGlobalTracing: boolean;
  captureConsole: boolean;
  metrics: RunnerMetricsOptions;
  maxTelemetryBytes: number;
  maxResultBytes: number;
  log: (line: string) => void;
}

const MIB = 1024 * 1024;

/** Fills in defaults. Errors: INVALID_FIELD naming the option and its range. */
export function toSettings(options: RunnerOptions): RunnerSettings {
  const queues = options.queues ?? ["default"];
  if (queues.length === 0 || queues.some((queue) => queue === ""))
    throw invalid("queues", JSON.stringify(queues), "at least one name");
  return {
    queues,
    concurrency: whole("concurrency", options.concurrency ?? 10, [1, 10_000]),
    prefetch: whole("prefetch", options.prefetch ?? defaultLimits.maxLeaseBatch, [0, defaultLimits.maxLeaseBatch]),
    serviceName: options.serviceName,
    serviceVersion: options.serviceVersion,
    graceMs: whole("graceMs", options.graceMs ?? 10_000, [0, 3_600_000]),
    abandonAfterMs: whole("abandonAfterMs", options.abandonAfterMs ?? 5_000, [0, 3_600_000]),
    blockedMaxMs:
      options.transport === undefined ? whole("blockedMaxMs", options.blockedMaxMs ?? 300_000, [0, 86_400_000]) : 0,
    exporters: options.exporters ?? [],
    hooks: options.hooks ?? [],
    tracing: (options.tracing ?? true) && !isSdkDisabled(),
    registerGlobalTracing: options.registerGlobalTracing ?? true,
    captureConsole: options.captureConsole ?? false,
    metrics: options.metrics ?? {},
    maxTelemetryBytes: whole("maxTelemetryBytes", options.maxTelemetryBytes ?? 128 * MIB, [MIB, 2 ** 40]),
    maxResultBytes: whole("maxResultBytes", options.maxResultBytes ?? 64 * MIB, [MIB, 2 ** 40]),
    log: outsideOfAttempts(options.log ?? (() => undefined)),
  };
}

/** What the runner says is no attempt's doing, also where it is said from within one. */
function outsideOfAttempts(log: (line: string) => void): (line: string) => void {
  return (line) => context.with(untraced, log, undefined, line);
}

function whole(field: string, value: number, [min, max]: [number, number]): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(field, String(value), `a whole number in ${min}..${max}`);
}

function invalid(field: string, value: string, must: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot make a runner: ${field} is ${value}, must be ${must}`, { field });
}
