import { type Catalogue, callSeconds } from "@spanloom/metrics";

const signal = { "spanloom.signal": "`spans` or `logs`" };

/** How telemetry gets into the store. */
export const telemetryCatalogue = {
  "spanloom.telemetry.ingested": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that were decoded and made durable.",
    attributes: signal,
  },
  "spanloom.telemetry.rejected": {
    kind: "counter",
    unit: "{record}",
    about: "Those that were refused one by one, as their ids are malformed or they are too old; their sender was told.",
    attributes: signal,
  },
  "spanloom.telemetry.refused": {
    kind: "counter",
    unit: "{payload}",
    about: "Payloads that were refused whole; their sender was told, and whether to send them again.",
    attributes: { "spanloom.reason": "[reason](errors.md): `OVERLOADED` (spool or disk full), `INVALID_FIELD`, ..." },
  },
  "spanloom.telemetry.dropped": {
    kind: "counter",
    unit: "{payload}",
    about: "Payloads that were acknowledged and are lost. Should be 0.",
    attributes: { "spanloom.reason": "`damaged` (on the disk), `unwanted` (the store refused them again and again)" },
  },
  "spanloom.telemetry.dropped_by_runners": {
    kind: "counter",
    unit: "{record}",
    about: "Spans and log records that runners had to drop, as they told with the results of attempts.",
  },
  "spanloom.telemetry.insert.duration": {
    kind: "histogram",
    unit: "s",
    about: "How long inserts into the telemetry store took.",
    boundaries: callSeconds,
  },
  "spanloom.telemetry.inserted": {
    kind: "counter",
    unit: "{row}",
    about: "Rows that were inserted: every version of a span of a job, task or attempt is one.",
    attributes: signal,
  },
  "spanloom.telemetry.insert.failures": {
    kind: "counter",
    unit: "{insert}",
    about: "Inserts that failed; they are tried again.",
  },
  "spanloom.telemetry.decoder.restarts": {
    kind: "counter",
    unit: "{restart}",
    about: "Times that the thread which decodes died; what it held is read back from the spool.",
  },
  "spanloom.spool.size": {
    kind: "updown",
    unit: "By",
    about: "Telemetry on disk that waits to be stored, what is being written included.",
  },
  "spanloom.spool.limit": { kind: "updown", unit: "By", about: "The most of it that is taken." },
  "spanloom.spool.payloads": { kind: "updown", unit: "{payload}", about: "Payloads of it that are not stored." },
  "spanloom.spool.age": {
    kind: "gauge",
    unit: "s",
    about: "How long the oldest of them has waited, since the server was started at most.",
  },
  "spanloom.spool.torn": {
    kind: "counter",
    unit: "By",
    about: "Bytes cut off the spool's files at the start, which a crash had left half written.",
  },
  "spanloom.lifecycle.pending": {
    kind: "updown",
    unit: "{span}",
    about: "Spans of jobs, tasks and attempts that wait to be written.",
  },
  "spanloom.lifecycle.failures": {
    kind: "counter",
    unit: "{pass}",
    about: "Times that they could not be written; they are tried again.",
  },
  "spanloom.lifecycle.unclosed": {
    kind: "counter",
    unit: "{attempt}",
    about: "Attempts whose open spans stay open, as the store refuses to end them.",
  },
} as const satisfies Catalogue;
