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
import { CallDurations } from "../http/call-durations.ts";
import { RequestDurations } from "../http/request-durations.ts";
import type { Store } from "../store/store.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { serverCatalogue } from "./catalogue.ts";
import { type CallSources, observeCalls } from "./observe-calls.ts";
import { type ForwardingSource, observeForwarding, observeTelemetry } from "./observe-telemetry.ts";
import { observeTriggers, type TriggerCounts } from "./observe-triggers.ts";
import { observeWork } from "./observe-work.ts";
import { observeProcess } from "./process-metrics.ts";

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
  forwarding?: ForwardingSource | undefined;
  maintenance: { readonly failures: number };
  triggers: TriggerCounts;
  /** Time of day, which schedules follow. Default: the clock's. */
  wallNowUs?: (() => number) | undefined;
  /** Traces the server's own work; absent when it is not traced. */
  selfTracing?: { readonly stats: Readonly<Record<"exported" | "dropped" | "failed", number>> } | undefined;
  /** Tells this server from others. Default: made up. */
  instanceId?: string | undefined;
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
  /** Notes how long requests took that are no calls. */
  readonly requests: RequestDurations;
  #unsubscribe: (() => void) | undefined;
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
      instanceId: sources.instanceId ?? randomUUID(),
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
    this.requests = new RequestDurations((route, status) =>
      this.set.distribution("http.server.request.duration", {
        "http.route": route,
        "http.response.status_code": status,
      }),
    );
    const { store, telemetry, forwarding } = sources;
    observeWork(this.set, store, clock);
    observeTelemetry(this.set, telemetry);
    if (forwarding) observeForwarding(this.set, forwarding, clock);
    const { wallNowUs = () => clock.nowUs() } = sources;
    observeTriggers(this.set, sources.triggers, { triggers: store.triggers, wallNowUs, nowUs: () => clock.nowUs() });
    observeProcess(this.set);
    this.#observeTrouble();
  }

  #observeTrouble(): void {
    let gaps = 0;
    this.#unsubscribe = this.#sources.store.on("missed", () => {
      gaps++;
    });
    this.set.observe("spanloom.store.gaps", (observe) => observe(gaps));
    this.set.observe("spanloom.maintenance.failures", (observe) => observe(this.#sources.maintenance.failures));
    this.set.observe("spanloom.self_tracing.spans", (observe) => {
      for (const outcome of ["exported", "dropped", "failed"] as const)
        observe(this.#sources.selfTracing?.stats[outcome] ?? 0, { "spanloom.outcome": outcome });
    });
    this.set.observe("spanloom.metrics.push.failures", (observe) => observe(this.#push?.failed ?? 0));
  }

  /** Shows what the calls count, too. */
  observeCalls(sources: CallSources): void {
    observeCalls(this.set, sources);
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
    this.#unsubscribe?.();
    await this.#push?.stop();
  }

  /** All of them as Prometheus' text. */
  write(): Promise<string> {
    return writePrometheus(this.set, this.#resource, this.#sources.clock.nowUs() / 1_000);
  }
}
