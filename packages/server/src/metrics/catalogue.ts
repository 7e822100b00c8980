import { batchSizes, type Catalogue, callSeconds, workSeconds } from "@spanloom/metrics";
import { forwardingCatalogue } from "./forwarding-catalogue.ts";
import { processCatalogue } from "./process-catalogue.ts";
import { telemetryCatalogue } from "./telemetry-catalogue.ts";
import { triggerCatalogue } from "./trigger-catalogue.ts";
import { webhookCatalogue } from "./webhook-catalogue.ts";

const queue = { "spanloom.queue": "the queue" };
/** Of queues beyond the first hundred. */
const timedQueue = { "spanloom.queue": "the queue; empty for those beyond the first 100" };

/** What is open now. */
const backlog = {
  "spanloom.jobs.open": {
    kind: "updown",
    unit: "{job}",
    about: "Jobs that have not ended.",
    attributes: { "spanloom.job.state": "`queued`, `running`, `cancelling`" },
    isShared: true,
  },
  "spanloom.tasks.open": {
    kind: "updown",
    unit: "{task}",
    about: "Tasks that have not ended.",
    attributes: { "spanloom.task.state": "`blocked`, `scheduled`, `queued`, `running`, `waiting`" },
    isShared: true,
  },
  "spanloom.queue.depth": {
    kind: "updown",
    unit: "{task}",
    about: "Tasks that may be leased, or that wait for a place or a window.",
    attributes: queue,
    isShared: true,
  },
  "spanloom.queue.throttled": {
    kind: "updown",
    unit: "{task}",
    about: "Those of them that wait for a place under a concurrency key, or for the next window of a rate limit.",
    attributes: queue,
    isShared: true,
  },
  "spanloom.queue.age": {
    kind: "gauge",
    unit: "s",
    about: "How long the task that became ready first has waited; 0 when none waits.",
    attributes: queue,
    isShared: true,
  },
  "spanloom.queue.running": {
    kind: "updown",
    unit: "{task}",
    about: "Tasks that are leased.",
    attributes: queue,
    isShared: true,
  },
  "spanloom.queue.runners": {
    kind: "updown",
    unit: "{runner}",
    about: "Runners heard of lately that serve it.",
    attributes: queue,
    isShared: true,
  },
} as const satisfies Catalogue;

/** What became of jobs and tasks. */
const work = {
  "spanloom.jobs.submitted": { kind: "counter", unit: "{job}", about: "Jobs that were made." },
  "spanloom.jobs.ended": {
    kind: "counter",
    unit: "{job}",
    about: "Jobs that ended; one that is retried ends again.",
    attributes: { "spanloom.outcome": "`succeeded`, `failed`, `cancelled`" },
  },
  "spanloom.tasks.submitted": { kind: "counter", unit: "{task}", about: "Tasks that were made." },
  "spanloom.tasks.ended": {
    kind: "counter",
    unit: "{task}",
    about: "Tasks that ended; one that is retried by a retry of its job ends again.",
    attributes: { "spanloom.outcome": "`succeeded`, `failed`, `cancelled`, `skipped`" },
  },
  "spanloom.attempts.started": { kind: "counter", unit: "{attempt}", about: "Leases of tasks." },
  "spanloom.attempts.ended": {
    kind: "counter",
    unit: "{attempt}",
    about: "Attempts that ended.",
    attributes: { "spanloom.outcome": "`success`, `failure`, `timeout`, `cancelled`, `lost` (its lease), `released`" },
  },
  "spanloom.attempts.retried": {
    kind: "counter",
    unit: "{attempt}",
    about: "Those after which the task was to run again; one that was released is none.",
  },
  "spanloom.queue.wait.duration": {
    kind: "histogram",
    unit: "s",
    about: "From when a task was ready to its lease.",
    boundaries: workSeconds,
    attributes: timedQueue,
  },
  "spanloom.attempt.duration": {
    kind: "histogram",
    unit: "s",
    about: "From the lease to the end of the attempt.",
    boundaries: workSeconds,
    attributes: timedQueue,
  },
  "spanloom.leases.waiting": {
    kind: "updown",
    unit: "{call}",
    about: "Calls of LeaseTasks that wait for work.",
  },
  "spanloom.leases.returned": {
    kind: "counter",
    unit: "{task}",
    about: "Leases given back at once, as the runner that asked was gone.",
  },
  "spanloom.results.refused": {
    kind: "counter",
    unit: "{result}",
    about: "Results of attempts that were refused, and told so to their runners.",
    attributes: { "spanloom.reason": "`stale` (the lease was lost), `invalid`" },
  },
  "spanloom.results.cut": {
    kind: "counter",
    unit: "{result}",
    about: "Results whose error message or stack was longer than the limit and cut.",
  },
  "spanloom.progress.dropped": {
    kind: "counter",
    unit: "{report}",
    about: "Progress that is not summed in its job, which has 100 labels already.",
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
  "spanloom.store.gaps": {
    kind: "counter",
    unit: "{gap}",
    about: "Times that news of other servers may have been missed; everything is looked at anew then.",
  },
  "spanloom.maintenance.failures": {
    kind: "counter",
    unit: "{pass}",
    about: "Passes of maintenance (lost leases, timers, deadlines) that failed; they are tried again.",
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
      "rpc.response.status_code": "gRPC's name of how it ended, as `OK`, `NOT_FOUND`",
    },
  },
  "http.server.request.duration": {
    kind: "histogram",
    unit: "s",
    about: "How long requests took that are no RPCs: OTLP over HTTP, webhooks, `/metrics` and health.",
    boundaries: callSeconds,
    attributes: {
      "http.route": "the path, `/hooks/{name}` of webhooks; empty for those that are none",
      "http.response.status_code": "the status",
    },
  },
  "spanloom.connections.refused": {
    kind: "counter",
    unit: "{connection}",
    about: "Connections and requests that were ended before a handler saw them.",
    attributes: {
      "spanloom.reason":
        "`tls` (no handshake), `silent` (did not say in time what it speaks), `malformed` (no HTTP, or too slow), " +
        "`headers` (too large), `http2` (broken)",
    },
  },
} as const satisfies Catalogue;

/** Every metric of the server. */
export const serverCatalogue = {
  ...backlog,
  ...work,
  ...store,
  ...telemetryCatalogue,
  ...forwardingCatalogue,
  ...calls,
  ...webhookCatalogue,
  ...triggerCatalogue,
  ...processCatalogue,
} as const;
