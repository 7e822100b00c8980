import { type TriggerInfo, TriggerType } from "@spanloom/protocol";
import { dateOf } from "./date-of.ts";
import { enumNames } from "./enum-names.ts";

/** What set a job, or an attempt of it, going. */
export type TriggerTypeName = Exclude<keyof typeof TriggerType, "UNSPECIFIED">;

/** What set a job going, as it was then. */
export interface JobTriggerSnapshot {
  /** Kind; that of a schedule fired by hand is MANUAL. */
  type: TriggerTypeName;
  /** Name of the schedule. */
  schedule?: string;
  /** Its id, which tells it from a later one of that name. */
  scheduleId?: string;
  /** When the schedule meant it to start; `createdAt` of the job tells when it was submitted. */
  scheduledAt?: Date;
  /** It was asked for by a backfill. */
  backfill?: boolean;
  /** Name of the trigger. */
  trigger?: string;
  /** Its id. */
  triggerId?: string;
  /** The event that matched. */
  eventId?: string;
  /** The job it is a clone of. */
  clonedJobId?: string;
  /** Jobs and events in a row that led to it; 0 for one that no event started. */
  depth: number;
}

const typeName = enumNames(TriggerType);

/** What set a job going as a plain object; what does not apply is left out. */
export function toJobTriggerSnapshot(info: TriggerInfo): JobTriggerSnapshot {
  const { schedule, scheduleId, trigger, triggerId, eventId, clonedJobId, backfill } = info;
  const scheduledAt = dateOf(info.scheduledAt);
  return {
    type: typeName(info.type) as TriggerTypeName,
    ...(schedule && { schedule }),
    ...(scheduleId && { scheduleId }),
    ...(scheduledAt && { scheduledAt }),
    ...(backfill && { backfill }),
    ...(trigger && { trigger }),
    ...(triggerId && { triggerId }),
    ...(eventId && { eventId }),
    ...(clonedJobId && { clonedJobId }),
    depth: info.depth,
  };
}
