import type { Catalogue } from "@spanloom/metrics";

/** The process itself, by OpenTelemetry's names. */
export const processCatalogue = {
  "process.cpu.time": {
    kind: "counter",
    unit: "s",
    about: "Time that processors spent on the process, all its threads together.",
    attributes: { "cpu.mode": "`user` or `system`" },
  },
  "process.memory.usage": { kind: "updown", unit: "By", about: "Memory that the process holds." },
  "process.uptime": { kind: "gauge", unit: "s", about: "How long the process has run." },
  "v8js.memory.heap.used": { kind: "updown", unit: "By", about: "Memory of JavaScript objects in the main thread." },
  "v8js.memory.heap.limit": { kind: "updown", unit: "By", about: "The most that these may take." },
  "nodejs.eventloop.time": {
    kind: "counter",
    unit: "s",
    about: "Time of the main thread.",
    attributes: { "nodejs.eventloop.state": "`active` or `idle`" },
  },
  "nodejs.eventloop.delay.p50": {
    kind: "gauge",
    unit: "s",
    about:
      "How late timers of the main thread were since the last collection, by whomever: half of them no later than this.",
  },
  "nodejs.eventloop.delay.p99": { kind: "gauge", unit: "s", about: "As above, 99 of a hundred no later than this." },
  "nodejs.eventloop.delay.max": { kind: "gauge", unit: "s", about: "As above, the latest." },
} as const satisfies Catalogue;
