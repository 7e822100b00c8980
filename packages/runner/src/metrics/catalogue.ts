import { type Catalogue, callSeconds, workSeconds } from "@spanloom/metrics";

const task = { "spanloom.task.name": "the task's name" };
const exporter = { "spanloom.exporter": "its name, with a number from the second of one name on" };

/** Metrics of a runner. */
export const runnerCatalogue = {
  "spanloom.runner.attempts": {
    kind: "counter",
    unit: "{attempt}",
    about: "Attempts that ended here.",
    attributes: {
      ...task,
      "spanloom.outcome": "`success`, `failure`, `timeout`, `cancelled`, `lost` (its lease), `released` (given back)",
    },
  },
  "spanloom.runner.attempt.duration": {
    kind: "histogram",
    unit: "s",
    about: "From the start of an attempt's code to its end.",
    boundaries: workSeconds,
    attributes: task,
  },
  "spanloom.runner.lease.wait.duration": {
    kind: "histogram",
    unit: "s",
    about: "From when a task came here to the start of its code.",
    boundaries: callSeconds,
    attributes: task,
  },
  "spanloom.runner.retries": {
    kind: "counter",
    unit: "{attempt}",
    about: "Failed attempts that ask to be run again: some are left, and the error does not say otherwise.",
    attributes: task,
  },
  "spanloom.runner.slots": { kind: "updown", unit: "{attempt}", about: "Attempts it may run at once." },
  "spanloom.runner.slots.used": { kind: "updown", unit: "{attempt}", about: "Attempts that run." },
  "spanloom.runner.attempts.waiting": {
    kind: "updown",
    unit: "{attempt}",
    about: "Leased tasks that wait for a slot.",
  },
  "spanloom.runner.report.delay": {
    kind: "histogram",
    unit: "s",
    about: "From the end of an attempt until the server had its result.",
    boundaries: callSeconds,
  },
  "spanloom.runner.results.unreported": {
    kind: "updown",
    unit: "{attempt}",
    about: "Attempts that ended and whose results the server may not have.",
  },
  "spanloom.runner.results.size": { kind: "updown", unit: "By", about: "Bytes of those results." },
  "spanloom.runner.results.refused": {
    kind: "counter",
    unit: "{attempt}",
    about: "Results that the server did not take.",
    attributes: {
      "spanloom.reason": "`stale` (its lease was lost), `invalid`, `given_up` (refused with its whole request)",
    },
  },
  "spanloom.runner.leases.lost": { kind: "counter", unit: "{attempt}", about: "Leases that a heartbeat found lost." },
  "spanloom.runner.heartbeat.failures": { kind: "counter", unit: "{call}", about: "Heartbeats that failed." },
  "spanloom.runner.call.failures": {
    kind: "counter",
    unit: "{call}",
    about: "Calls that lease or report and failed; each was made again.",
  },
  "spanloom.runner.telemetry.size": { kind: "updown", unit: "By", about: "Bytes of spans and logs held." },
  "spanloom.runner.telemetry.dropped": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that were dropped: there was no room for them, or the server refused them for good.",
  },
  "spanloom.runner.telemetry.rejected": {
    kind: "counter",
    unit: "{record}",
    about: "Those that the server refused in requests which it took.",
    attributes: { "spanloom.signal": "`spans`, `logs`" },
  },
  "spanloom.runner.closed_spans.lost": {
    kind: "counter",
    unit: "{batch}",
    about: "Batches of spans of jobs and tasks that could not be given to exporters or hooks.",
  },
  "spanloom.runner.hooks.calls": {
    kind: "counter",
    unit: "{call}",
    about: "Calls of hooks.",
    attributes: { "spanloom.outcome": "`called`, of which `failed`; `dropped`: not made, as too much waited" },
  },
  "spanloom.runner.hooks.unsettled": { kind: "updown", unit: "{call}", about: "Calls of hooks that go on." },
  "spanloom.runner.exporter.records": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that an exporter's queue is done with.",
    attributes: {
      ...exporter,
      "spanloom.outcome":
        "`exported`, `rejected`, `failed`; or why never sent: `queue_full`, `too_large`, `shut_down`, `malformed`",
    },
  },
  "spanloom.runner.exporter.retries": {
    kind: "counter",
    unit: "{batch}",
    about: "Times a batch was sent again.",
    attributes: exporter,
  },
  "spanloom.runner.exporter.queued": {
    kind: "updown",
    unit: "{record}",
    about: "Records that wait to be exported.",
    attributes: exporter,
  },
  "spanloom.runner.exporter.queued.size": {
    kind: "updown",
    unit: "By",
    about: "Their bytes, about.",
    attributes: exporter,
  },
  "spanloom.runner.metrics.push.failures": {
    kind: "counter",
    unit: "{push}",
    about: "Pushes of metrics that failed.",
  },
} as const satisfies Catalogue;
