import { JobState, TriggerType } from "@spanloom/protocol";
import { timestampOf } from "./date-of.ts";
import type { JobStateName } from "./snapshots.ts";
import type { TriggerTypeName } from "./trigger-snapshot.ts";

/** Which jobs to list; all given conditions must hold. */
export interface ListJobsOptions {
  /** Any of these states. */
  states?: readonly JobStateName[];
  /** This name exactly. */
  name?: string;
  /** All of these tags. */
  tags?: Record<string, string>;
  /** This default queue. */
  queue?: string;
  /** Submitted at or after. */
  createdAfter?: Date;
  /** Submitted before. */
  createdBefore?: Date;
  /** At least one attempt by this runner. */
  runnerId?: string;
  /** Set going by any of these. */
  triggerTypes?: readonly Exclude<TriggerTypeName, "RETRY">[];
  /** Of the schedule of this name; those it was fired by hand for are among them. */
  schedule?: string;
  /** Of the trigger of this name. */
  trigger?: string;
  /** Most jobs to return. Default: all. */
  limit?: number;
}

/** The conditions as they travel. */
export function toJobFilter(options: Omit<ListJobsOptions, "limit">) {
  const { states = [], triggerTypes = [], tags = {}, createdAfter, createdBefore } = options;
  const { name = "", queue = "", runnerId = "", schedule = "", trigger = "" } = options;
  return {
    states: states.map((state) => JobState[state]),
    triggerTypes: triggerTypes.map((type) => TriggerType[type]),
    ...{ name, tags, queue, runnerId, schedule, trigger },
    ...(createdAfter && { createdAfter: timestampOf(createdAfter)! }),
    ...(createdBefore && { createdBefore: timestampOf(createdBefore)! }),
  };
}
