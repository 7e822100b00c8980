import type { ConcurrencyRule } from "./records.ts";
import type { FiringRecord, NewFiring } from "./trigger-store.ts";

/** What became of the job of a firing. */
export type FiredJob = { kind: "created" | "existed" | "conflict"; jobId: string } | RefusedJob;

/** A job that its concurrency refuses, and the first of those that have the places, if that is known. */
export interface RefusedJob {
  kind: "rejected";
  rule: ConcurrencyRule;
  holderId: string | undefined;
}

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
    case "rejected":
      return { outcome: "skipped", error: whyRefused(job) };
  }
}

function whyRefused({ rule, holderId }: RefusedJob): string {
  const { key, limit, policy, maxWaiting = 0 } = rule;
  const first = holderId === undefined ? "a job before it" : `job "${holderId}"`;
  const others = limit === 1 ? "" : ` and ${limit - 1} more`;
  const waiting =
    policy === "wait" && maxWaiting > 0 ? `, and ${maxWaiting === 1 ? "one waits" : `${maxWaiting} wait`}` : "";
  return `${first}${others} ${limit === 1 ? "has" : "have"} not ended${waiting}: concurrency key "${key}"`;
}
