import { type Firing, FiringOutcome, JobState } from "@spanloom/protocol";
import { dateOf } from "../date-of.ts";
import { enumNames } from "../enum-names.ts";
import type { JobStateName } from "../snapshots.ts";

/** What became of one time of a schedule, or of one event at one trigger. */
export type FiringOutcomeName = Exclude<keyof typeof FiringOutcome, "UNSPECIFIED">;

/** One time that a schedule or trigger fired, or should have. */
export interface FiringSnapshot {
  /** UUIDv7, and that of the job if one was submitted. */
  id: string;
  /** Id of the schedule or trigger. */
  sourceId: string;
  /** What became of it. */
  outcome: FiringOutcomeName;
  /** The time it was meant for; for an event when it was received. */
  scheduledAt: Date;
  /** When the server dealt with it. */
  firedAt: Date;
  /** The job, if one was submitted. */
  jobId?: string;
  /** State of that job as it is now; `fire` and `backfill` do not tell it. */
  jobState?: JobStateName;
  /** The event that matched. */
  eventId?: string;
  /** Why it failed or was skipped. */
  error?: string;
  /** It was asked for, by a backfill or by hand. */
  requested: boolean;
  /** Times in a row that this entry stands for: more than one only for MISSED, `scheduledAt` being the first. */
  count: number;
}

/** Which firings to list. */
export interface ListFiringsOptions {
  /** Any of these outcomes. Default: all. */
  outcomes?: readonly FiringOutcomeName[];
  /** Most firings to return. Default: all that are kept. */
  limit?: number;
}

const outcomeName = enumNames(FiringOutcome);
const stateName = enumNames(JobState);

/** A firing of the protocol as a plain object; what does not apply is left out. */
export function toFiringSnapshot(firing: Firing): FiringSnapshot {
  const { id, sourceId, jobId, jobState, eventId, error, requested, count } = firing;
  return {
    ...{ id, sourceId, outcome: outcomeName(firing.outcome) as FiringOutcomeName },
    scheduledAt: dateOf(firing.scheduledAt) ?? new Date(0),
    firedAt: dateOf(firing.firedAt) ?? new Date(0),
    ...(jobId && { jobId }),
    ...(jobState !== JobState.UNSPECIFIED && { jobState: stateName(jobState) as JobStateName }),
    ...(eventId && { eventId }),
    ...(error && { error }),
    ...{ requested, count },
  };
}
