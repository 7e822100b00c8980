import type { Attributes } from "@spanloom/metrics";
import type { Clock } from "../clock.ts";
import type { ForwardStats } from "../forward/forwarder.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { ServerMetricSet } from "./server-metrics.ts";

/** Shows how telemetry gets into the store. */
export function observeTelemetry(set: ServerMetricSet, telemetry: Pick<Telemetry, "stats">): void {
  const { counts } = telemetry.stats();
  const bySignal = (values: () => readonly [spans: number, logs: number]) => {
    return (observe: (value: number, of: Attributes) => void) => {
      for (const [at, signal] of (["spans", "logs"] as const).entries())
        observe(values()[at]!, { "spanloom.signal": signal });
    };
  };
  set.observe(
    "spanloom.telemetry.ingested",
    bySignal(() => [counts.ingestedSpans, counts.ingestedLogs]),
  );
  set.observe(
    "spanloom.telemetry.rejected",
    bySignal(() => [counts.rejectedSpans, counts.rejectedLogs]),
  );
  set.observe(
    "spanloom.telemetry.inserted",
    bySignal(() => [counts.insertedRows.spans, counts.insertedRows.logs]),
  );
  set.observe("spanloom.telemetry.refused", (observe) => {
    for (const [reason, payloads] of counts.refusedPayloads) observe(payloads, { "spanloom.reason": reason });
  });
  set.observe("spanloom.telemetry.dropped", (observe) => {
    observe(counts.damagedPayloads, { "spanloom.reason": "damaged" });
    observe(counts.unwantedPayloads, { "spanloom.reason": "unwanted" });
  });
  set.show("spanloom.telemetry.insert.duration", counts.insertSeconds);
  set.observe("spanloom.telemetry.insert.failures", (observe) => observe(counts.failedInserts));
  set.observe("spanloom.telemetry.decoder.restarts", (observe) => observe(counts.lostThreads));
  set.observe("spanloom.spool.size", (observe) => observe(telemetry.stats().spoolBytes));
  set.observe("spanloom.spool.limit", (observe) => observe(telemetry.stats().spoolMaxBytes));
  set.observe("spanloom.spool.payloads", (observe) => observe(telemetry.stats().spoolPayloads));
  set.observe("spanloom.spool.age", (observe) => observe(telemetry.stats().spoolAgeSeconds));
  set.observe("spanloom.spool.torn", (observe) => observe(counts.tornBytes));
  set.observe("spanloom.lifecycle.pending", (observe) => observe(telemetry.stats().pendingLifecycle));
  set.observe("spanloom.lifecycle.failures", (observe) => observe(counts.failedProjections));
  set.observe("spanloom.lifecycle.unclosed", (observe) => observe(counts.unclosedAttempts));
}

/** What tells of exporters. */
export interface ForwardingSource {
  stats(): readonly ForwardStats[];
}

/** Shows what exporters were given. */
export function observeForwarding(set: ServerMetricSet, forwarding: ForwardingSource, clock: Clock): void {
  const each = (value: (stats: ForwardStats) => number) => (observe: (value: number, of: Attributes) => void) => {
    for (const stats of forwarding.stats()) observe(value(stats), { "spanloom.exporter": stats.name });
  };
  set.observe(
    "spanloom.exporter.forwarded",
    each(({ forwarded }) => forwarded),
  );
  set.observe("spanloom.exporter.dropped", (observe) => {
    for (const { name, rejected, failed } of forwarding.stats()) {
      observe(rejected, { "spanloom.exporter": name, "spanloom.reason": "rejected" });
      observe(failed, { "spanloom.exporter": name, "spanloom.reason": "failed" });
    }
  });
  set.observe(
    "spanloom.exporter.retries",
    each(({ retried }) => retried),
  );
  set.observe(
    "spanloom.exporter.expired",
    each(({ expired }) => expired),
  );
  set.observe(
    "spanloom.exporter.repeated",
    each(({ repeated }) => repeated),
  );
  set.observe(
    "spanloom.exporter.serving",
    each(({ isServing }) => (isServing ? 1 : 0)),
  );
  set.observe(
    "spanloom.exporter.lag.records",
    each(({ lagRecords }) => lagRecords),
  );
  set.observe(
    "spanloom.exporter.lag.time",
    each(({ lagSeconds }) => lagSeconds),
  );
  const awaySeconds = ({ awaySinceUs }: ForwardStats) =>
    awaySinceUs === undefined ? 0 : Math.max(0, clock.nowUs() - awaySinceUs) / 1e6;
  set.observe("spanloom.exporter.away", each(awaySeconds));
}
