import { type Catalogue, workSeconds } from "@spanloom/metrics";

/** What submits jobs without a person. */
export const triggerCatalogue = {
  "spanloom.schedule.firings": {
    kind: "counter",
    unit: "{time}",
    about: "Times of schedules that this server dealt with; those asked for by hand or for a backfill are not counted.",
    attributes: {
      "spanloom.outcome":
        "`submitted`, `skipped` (an earlier job had not ended), `missed` (no server ran), `failed` (no job could be made)",
    },
  },
  "spanloom.schedule.delay": {
    kind: "histogram",
    unit: "s",
    about: "From when a time was to fire, its jitter included, to when its job was made.",
    boundaries: workSeconds,
  },
  "spanloom.schedule.lag": {
    kind: "gauge",
    unit: "s",
    about: "How long the schedule that is due first has been due; 0 when none is.",
    isShared: true,
  },
  "spanloom.trigger.failures": {
    kind: "counter",
    unit: "{pass}",
    about: "Passes over schedules, and over old events and firings, that failed; they are tried again.",
  },
} as const satisfies Catalogue;
