import { batchSizes, type Catalogue, callSeconds } from "@spanloom/metrics";

const exporter = { "spanloom.exporter": "name of the exporter" };

/** How telemetry gets into the store and on to exporters. */
const telemetry = {
  "spanloom.telemetry.ingested": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that were decoded and made durable.",
    attributes: { "spanloom.signal": "`spans` or `logs`" },
  },
  "spanloom.spool.size": {
    kind: "updown",
    unit: "By",
    about: "Telemetry on disk that waits to be stored, what is being written included.",
  },
  "spanloom.lifecycle.pending": {
    kind: "updown",
    unit: "{span}",
    about: "Spans of jobs, tasks and attempts that wait to be written.",
  },
  "spanloom.exporter.forwarded": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that the backend took.",
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
} as const satisfies Catalogue;

const store = {
  "spanloom.store.commit.duration": {
    kind: "histogram",
    unit: "s",
    about: "How long transactions of the control plane took, from their beginning to their commit.",
    boundaries: callSeconds,
  },
  "spanloom.store.commit.operations": {
    kind: "histogram",
    unit: "{operation}",
    about: "Operations that shared one transaction.",
    boundaries: batchSizes,
  },
  "spanloom.store.rollbacks": {
    kind: "counter",
    unit: "{transaction}",
    about: "Transactions that were undone, by a defect or because the machine or the database failed them.",
  },
} as const satisfies Catalogue;

const calls = {
  "rpc.server.call.duration": {
    kind: "histogram",
    unit: "s",
    about: "How long calls took until they were answered; LeaseTasks waits for work, up to 30 s.",
    boundaries: callSeconds,
    attributes: {
      "rpc.system.name": "`connectrpc` or `grpc`, which gRPC-Web is too",
      "rpc.method": "service and method",
      "rpc.response.status_code": "gRPC's name of how it ended: `OK`, `NOT_FOUND`, ...",
    },
  },
} as const satisfies Catalogue;

/** Every metric of the server. */
export const serverCatalogue = { ...calls, ...store, ...telemetry } as const;
