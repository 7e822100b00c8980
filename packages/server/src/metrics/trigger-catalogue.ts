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
  "spanloom.trigger.firings": {
    kind: "counter",
    unit: "{firing}",
    about: "Events that this server settled at triggers that took them.",
    attributes: {
      "spanloom.outcome":
        "`submitted`, `skipped` (the job's concurrency left it out), `failed` (no job could be made, or the filter failed)",
    },
  },
  "spanloom.trigger.errors": {
    kind: "counter",
    unit: "{event}",
    about: "Events of which a trigger's filter or input could not be told; of one batch and trigger 10 are recorded.",
  },
  "spanloom.trigger.runaways": {
    kind: "counter",
    unit: "{evaluation}",
    about: "Evaluations of filters and inputs that were ended as they ran too long.",
  },
  "spanloom.trigger.failures": {
    kind: "counter",
    unit: "{pass}",
    about: "Passes over schedules and events, and over old events and firings, that failed; they are tried again.",
  },
  "spanloom.event.matched": {
    kind: "counter",
    unit: "{event}",
    about: "Events that this server settled, whether or not a trigger took them.",
  },
  "spanloom.event.matching": {
    kind: "histogram",
    unit: "s",
    about: "How long a batch of at most 1000 events took to be matched, the submission of jobs not included.",
    boundaries: workSeconds,
  },
  "spanloom.event.backlog": {
    kind: "updown",
    unit: "{event}",
    about: "Events that wait to be matched.",
    isShared: true,
  },
  "spanloom.event.backlog.age": {
    kind: "gauge",
    unit: "s",
    about: "How long the oldest event that waits to be matched has waited; 0 when none does.",
    isShared: true,
  },
} as const satisfies Catalogue;
