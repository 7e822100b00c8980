import type { Meter, MeterProvider } from "@opentelemetry/api";
import { createNoopMeter, metrics } from "@opentelemetry/api";
import type { ExportQueueStats } from "@spanloom/exporter";
import {
  type Attributes,
  MetricSet,
  type MetricsPush,
  type MetricsResource,
  type Observe,
  offerMetrics,
  pushMetrics,
  writePrometheus,
} from "@spanloom/metrics";
import type { HookStats } from "../hooks/hook-dispatcher.ts";
import { runnerVersion } from "../version.ts";
import { runnerCatalogue } from "./catalogue.ts";
import type { RunnerMetricsOptions } from "./metrics-options.ts";
import type { RunnerStats, TaskStats } from "./runner-stats.ts";

/** Where a runner's metrics are read from. */
export interface MetricsSources {
  stats: RunnerStats;
  /** Undefined until the runner has started. */
  state(): RunnerState | undefined;
  exporters(): readonly { name: string; stats: ExportQueueStats }[];
  hooks: { readonly stats: HookStats };
  runnerId: string;
  serviceName: string | undefined;
  nowMs: () => number;
  log: (line: string) => void;
}

/** What a runner holds now. */
export interface RunnerState {
  slots: number;
  running: number;
  held: number;
  unreported: number;
  resultBytes: number;
  telemetryBytes: number;
  telemetryDropped: number;
}

/** A runner's metrics: what they are read from, and who is given them. */
export class RunnerMetrics {
  readonly #sources: MetricsSources;
  readonly #options: RunnerMetricsOptions;
  readonly #set: MetricSet<typeof runnerCatalogue>;
  #push: MetricsPush | undefined;
  #offered = false;

  constructor(sources: MetricsSources, options: RunnerMetricsOptions) {
    this.#sources = sources;
    this.#options = options;
    this.#set = new MetricSet(runnerCatalogue, sources);
    this.#observeTasks();
    this.#observeState();
    this.#observeTelemetry();
  }

  /**
   * Gives metrics to whoever is to have them: the provider it was given, else by a push when it was told to, else the
   * provider that the application has registered by now, if any.
   */
  async start(): Promise<void> {
    const { provider, push } = this.#options;
    const { nowMs, log } = this.#sources;
    if (push && !provider)
      this.#push = await pushMetrics({ set: this.#set, resource: this.#resource(), nowMs, log }, push);
    else this.#offer(provider ?? metrics.getMeterProvider());
  }

  #offer(provider: MeterProvider): void {
    const meter = provider.getMeter("@spanloom/runner", runnerVersion());
    if (this.#offered || isNoop(meter)) return;
    this.#offered = true;
    offerMetrics(this.#set, meter);
  }

  /** All of them in Prometheus' text. */
  write(): Promise<string> {
    return writePrometheus(this.#set, this.#resource(), this.#sources.nowMs());
  }

  /** Pushes once more and ends. Safe to call twice. */
  async stop(): Promise<void> {
    await this.#push?.stop();
  }

  #resource(): MetricsResource {
    const { runnerId, serviceName } = this.#sources;
    return {
      serviceName: "spanloom-runner",
      serviceVersion: runnerVersion(),
      instanceId: runnerId,
      attributes: { ...this.#options.resource, ...(serviceName !== undefined && { "service.name": serviceName }) },
      tags: this.#options.tags ?? {},
    };
  }

  #observeTasks(): void {
    const { stats } = this.#sources;
    const show = (name: string, { seconds, waitSeconds }: TaskStats): void => {
      this.#set.show("spanloom.runner.attempt.duration", seconds, { "spanloom.task.name": name });
      this.#set.show("spanloom.runner.lease.wait.duration", waitSeconds, { "spanloom.task.name": name });
    };
    stats.onTask = show;
    this.#set.observe("spanloom.runner.attempts", (observe) => {
      for (const [name, { ended }] of stats.tasks) {
        for (const [outcome, attempts] of Object.entries(ended))
          observe(attempts, { "spanloom.task.name": name, "spanloom.outcome": outcome });
      }
    });
    this.#set.observe("spanloom.runner.retries", (observe) => {
      for (const [name, { retries }] of stats.tasks) observe(retries, { "spanloom.task.name": name });
    });
    this.#set.show("spanloom.runner.report.delay", stats.reportSeconds);
    this.#set.observe("spanloom.runner.results.refused", (observe) => {
      observe(stats.staleResults, { "spanloom.reason": "stale" });
      observe(stats.invalidResults, { "spanloom.reason": "invalid" });
      observe(stats.givenUpResults, { "spanloom.reason": "given_up" });
    });
    this.#set.observe("spanloom.runner.leases.lost", (observe) => observe(stats.leasesLost));
    this.#set.observe("spanloom.runner.heartbeat.failures", (observe) => observe(stats.failedHeartbeats));
    this.#set.observe("spanloom.runner.call.failures", (observe) => observe(stats.failedCalls));
  }

  #observeState(): void {
    const now = (value: (state: RunnerState) => number) => (observe: Observe) => {
      const state = this.#sources.state();
      if (state) observe(value(state));
    };
    const set = this.#set;
    set.observe(
      "spanloom.runner.slots",
      now(({ slots }) => slots),
    );
    set.observe(
      "spanloom.runner.slots.used",
      now(({ running }) => running),
    );
    set.observe(
      "spanloom.runner.attempts.waiting",
      now(({ held, running }) => held - running),
    );
    set.observe(
      "spanloom.runner.results.unreported",
      now(({ unreported }) => unreported),
    );
    set.observe(
      "spanloom.runner.results.size",
      now(({ resultBytes }) => resultBytes),
    );
    set.observe(
      "spanloom.runner.telemetry.size",
      now(({ telemetryBytes }) => telemetryBytes),
    );
    set.observe(
      "spanloom.runner.telemetry.dropped",
      now(({ telemetryDropped }) => telemetryDropped),
    );
  }

  #observeTelemetry(): void {
    const { stats, hooks } = this.#sources;
    const set = this.#set;
    set.observe("spanloom.runner.telemetry.rejected", (observe) => {
      observe(stats.rejectedSpans, { "spanloom.signal": "spans" });
      observe(stats.rejectedLogs, { "spanloom.signal": "logs" });
    });
    set.observe("spanloom.runner.closed_spans.lost", (observe) => observe(stats.lostClosedSpans));
    set.observe("spanloom.runner.hooks.calls", (observe) => {
      const { called, failed, dropped } = hooks.stats;
      for (const [outcome, calls] of Object.entries({ called, failed, dropped }))
        observe(calls, { "spanloom.outcome": outcome });
    });
    set.observe("spanloom.runner.hooks.unsettled", (observe) => observe(hooks.stats.unsettled));
    set.observe("spanloom.runner.exporter.records", (observe) => {
      for (const { name, stats: queue } of this.#sources.exporters()) {
        const { exported, rejected, failed, droppedBy } = queue;
        for (const [outcome, records] of Object.entries({ exported, rejected, failed, ...droppedBy }))
          observe(records, { "spanloom.exporter": name, "spanloom.outcome": outcome });
      }
    });
    const each = (value: (queue: ExportQueueStats) => number) => (observe: (value: number, of: Attributes) => void) => {
      for (const { name, stats: queue } of this.#sources.exporters())
        observe(value(queue), { "spanloom.exporter": name });
    };
    set.observe(
      "spanloom.runner.exporter.retries",
      each(({ retried }) => retried),
    );
    set.observe(
      "spanloom.runner.exporter.queued",
      each((queue) => queue.queuedSpans + queue.queuedLogRecords),
    );
    set.observe(
      "spanloom.runner.exporter.queued.size",
      each(({ queuedBytes }) => queuedBytes),
    );
    set.observe("spanloom.runner.metrics.push.failures", (observe) => observe(this.#push?.failed ?? 0));
  }
}

/** Whether a meter leads nowhere, as the API's own does while the application has registered none. */
function isNoop(meter: Meter): boolean {
  return meter === createNoopMeter();
}
