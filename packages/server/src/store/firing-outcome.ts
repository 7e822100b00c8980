import type { FiringRecord, NewFiring } from "./trigger-store.ts";

/** What became of the job of a firing. */
export type FiredJob =
  | { kind: "created" | "existed" | "conflict"; jobId: string }
  | { kind: "rejected"; key: string; limit: number };

/** What a store knows of a firing beside what it was asked for. */
export interface FiringFacts {
  seq: number;
  sourceId: string;
  firedAtUs: number;
  /** Of a firing with a job. */
  job?: FiredJob | undefined;
}

/** The record of a firing that was made just now. A job that was there already is its own: an earlier try made it. */
export function newFiringRecord(firing: NewFiring, { seq, sourceId, firedAtUs, job }: FiringFacts): FiringRecord {
  const { id, scheduledAtUs, eventId = "", requested, what } = firing;
  const made = { seq, id, sourceId, scheduledAtUs, firedAtUs, jobId: "", eventId, error: "", requested, count: 1 };
  if ("missed" in what) return { ...made, outcome: "missed", count: what.missed };
  if ("error" in what) return { ...made, outcome: "failed", error: what.error };
  return { ...made, ...outcomeOf(job!) };
}

function outcomeOf(job: FiredJob): Pick<FiringRecord, "outcome"> & Partial<FiringRecord> {
  switch (job.kind) {
    case "created":
    case "existed":
      return { outcome: "submitted", jobId: job.jobId };
    case "conflict":
      return { outcome: "failed", error: `its idempotency key belongs to job "${job.jobId}", which has other content` };
    case "rejected": {
      const places = job.limit === 1 ? "the one place" : `all ${job.limit} places`;
      return { outcome: "skipped", error: `${places} under concurrency key "${job.key}" taken by runs before it` };
    }
  }
}
