import type { Catalogue } from "@spanloom/metrics";

const exporter = { "spanloom.exporter": "name of the exporter" };

/** What exporters were given, and what becomes of the server's own spans and metrics. */
export const forwardingCatalogue = {
  "spanloom.exporter.forwarded": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that the backend took.",
    attributes: exporter,
  },
  "spanloom.exporter.dropped": {
    kind: "counter",
    unit: "{record}",
    about: "Those that it will never have.",
    attributes: {
      ...exporter,
      "spanloom.reason": "`rejected` (refused of a part that it took), `failed` (of a part that it refused for good)",
    },
  },
  "spanloom.exporter.retries": {
    kind: "counter",
    unit: "{part}",
    about: "Times a part was sent again.",
    attributes: exporter,
  },
  "spanloom.exporter.expired": {
    kind: "counter",
    unit: "{call}",
    about: "Calls of the exporter that never settled and were given up; what they were to send is sent again.",
    attributes: exporter,
  },
  "spanloom.exporter.repeated": {
    kind: "counter",
    unit: "{record}",
    about: "Rows that were not sent, as the same had been sent before.",
    attributes: exporter,
  },
  "spanloom.exporter.serving": {
    kind: "updown",
    unit: "{server}",
    about: "1 where this server serves the exporter, 0 while another one does.",
    attributes: exporter,
  },
  "spanloom.exporter.lag.records": {
    kind: "updown",
    unit: "{record}",
    about: "Stored rows that the exporter was not given yet, at most.",
    attributes: exporter,
  },
  "spanloom.exporter.lag.time": {
    kind: "gauge",
    unit: "s",
    about: "Age of the oldest of them.",
    attributes: exporter,
  },
  "spanloom.exporter.away": {
    kind: "gauge",
    unit: "s",
    about: "For how long the backend has taken nothing; 0 when it does.",
    attributes: exporter,
  },
  "spanloom.self_tracing.spans": {
    kind: "counter",
    unit: "{span}",
    about: "Spans of the server's own work, where it is traced.",
    attributes: {
      "spanloom.outcome": "`exported`, `dropped` (for want of room), `failed` (the backend did not take them)",
    },
  },
  "spanloom.metrics.push.failures": {
    kind: "counter",
    unit: "{push}",
    about: "Collections of metrics that the backend did not take; where it gets differences, those are lost.",
  },
} as const satisfies Catalogue;
