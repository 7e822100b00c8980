import { randomUUID } from "node:crypto";
import {
  type Attributes,
  MetricSet,
  type MetricsPush,
  type MetricsResource,
  type PushOptions,
  prometheusContentType,
  pushMetrics,
  writePrometheus,
} from "@spanloom/metrics";
import type { Clock } from "../clock.ts";
import type { ForwardStats } from "../forward/forwarder.ts";
import { CallDurations } from "../http/call-durations.ts";
import type { Store } from "../store/store.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { serverCatalogue } from "./catalogue.ts";

/** What a server is told of metrics. */
export interface MetricsOptions {
  /** Whether `/metrics` needs no token. Default false. */
  isPublic?: boolean;
  /** Static tags, on every series in Prometheus' text and on the resource of what is pushed. Default: none. */
  tags?: Attributes;
  /** Attributes of the resource, e.g. another `service.name`. */
  resource?: Attributes;
  /** Pushes metrics over OTLP. Default: does not. */
  push?: PushOptions | undefined;
}

/** Where the server's metrics are read from. */
export interface MetricsSources {
  store: Store;
  telemetry: Pick<Telemetry, "stats">;
  forwarding?: { stats(): readonly ForwardStats[] } | undefined;
  clock: Clock;
  log: (line: string) => void;
  version: string;
}

/** Names of the server's metrics. */
export type ServerMetricSet = MetricSet<typeof serverCatalogue>;

/** The server's metrics: what they are read from, and who is given them. */
export class ServerMetrics {
  readonly contentType = prometheusContentType;
  readonly isPublic: boolean;
  readonly set: ServerMetricSet;
  /** Notes how long calls took. */
  readonly calls: CallDurations;
  readonly #options: MetricsOptions;
  readonly #sources: MetricsSources;
  readonly #resource: MetricsResource;
  #push: MetricsPush | undefined;

  constructor(sources: MetricsSources, options: MetricsOptions = {}) {
    const { clock, log, version } = sources;
    this.isPublic = options.isPublic ?? false;
    this.#options = options;
    this.#sources = sources;
    this.#resource = {
      serviceName: "spanloom-server",
      serviceVersion: version,
      instanceId: randomUUID(),
      attributes: options.resource ?? {},
      tags: options.tags ?? {},
    };
    this.set = new MetricSet(serverCatalogue, { nowMs: () => clock.nowUs() / 1_000, log });
    this.calls = new CallDurations((system, method, status) =>
      this.set.distribution("rpc.server.call.duration", {
        "rpc.system.name": system,
        "rpc.method": method,
        "rpc.response.status_code": status,
      }),
    );
    observeStore(this.set, sources);
    observeTelemetry(this.set, sources);
  }

  /** Begins to push, when that was asked for. */
  async start(): Promise<void> {
    const { push } = this.#options;
    if (!push || this.#push) return;
    const { clock, log } = this.#sources;
    const pushed = { set: this.set, resource: this.#resource, nowMs: () => clock.nowUs() / 1_000, log };
    this.#push = await pushMetrics(pushed, push);
  }

  /** Pushes once more and ends. Safe to call twice. */
  async stop(): Promise<void> {
    await this.#push?.stop();
  }

  /** All of them as Prometheus' text. */
  write(): Promise<string> {
    return writePrometheus(this.set, this.#resource, this.#sources.clock.nowUs() / 1_000);
  }
}

function observeStore(set: ServerMetricSet, { store }: MetricsSources): void {
  const { stats } = store;
  set.show("spanloom.store.commit.duration", stats.commitSeconds);
  set.show("spanloom.store.commit.operations", stats.commitOperations);
  set.observe("spanloom.store.rollbacks", (observe) => observe(stats.rollbacks));
}

function observeTelemetry(set: ServerMetricSet, { telemetry, forwarding }: MetricsSources): void {
  set.observe("spanloom.telemetry.ingested", (observe) => {
    const { ingestedSpans, ingestedLogs } = telemetry.stats();
    observe(ingestedSpans, { "spanloom.signal": "spans" });
    observe(ingestedLogs, { "spanloom.signal": "logs" });
  });
  set.observe("spanloom.spool.size", (observe) => observe(telemetry.stats().spoolBytes));
  set.observe("spanloom.lifecycle.pending", (observe) => observe(telemetry.stats().pendingLifecycle));
  const each = (value: (stats: ForwardStats) => number) => (observe: (value: number, of: Attributes) => void) => {
    for (const stats of forwarding?.stats() ?? []) observe(value(stats), { "spanloom.exporter": stats.name });
  };
  set.observe(
    "spanloom.exporter.forwarded",
    each((stats) => stats.forwarded),
  );
  set.observe(
    "spanloom.exporter.lag.records",
    each((stats) => stats.lagRecords),
  );
  set.observe(
    "spanloom.exporter.lag.time",
    each((stats) => stats.lagSeconds),
  );
}
