import { create } from "@bufbuild/protobuf";
import {
  durationFromMs,
  OverlapPolicy,
  type PutScheduleRequest,
  PutScheduleRequestSchema,
  SpanloomError,
} from "@spanloom/protocol";
import { type DurationValue, durationMs } from "../duration.ts";
import { checkRange } from "../retry.ts";
import { type TemplateOptions, type TemplateRoots, type TemplateTask, toTemplate } from "./job-template.ts";
import { type ScheduleTimes, toScheduleSpec } from "./schedule-times.ts";

/**
 * What a time of a schedule does while a job of an earlier one has not ended.
 *
 * `skip`: nothing is submitted. `queueOne`: one job waits for the running one to end, further times are skipped. `allow`:
 * jobs run beside each other. `cancelRunning`: the running job is cancelled, the new one starts when it has ended.
 */
export type OverlapPolicyName = "skip" | "queueOne" | "allow" | "cancelRunning";

/** How a schedule behaves, besides its times and what it submits. */
export interface ScheduleBehavior {
  /** Name, 1..256 bytes: the same name again changes the schedule. */
  name: string;
  /** What it is for, at most 4 KiB. */
  description?: string;
  /** What a time does while an earlier job has not ended. Default `skip`. With a `concurrency` of its own: `allow` only. */
  overlap?: OverlapPolicyName;
  /** Times that lie back no further than this are fired late when no server ran. Default 0: none. At most 366 days. */
  catchUp?: DurationValue;
  /** How many firings are kept, 1..10,000. Default 100. */
  keepFirings?: number;
  /** Make it so that it does not fire. Of one that is there, `put` leaves as it is whether it is paused. */
  paused?: boolean;
}

/** One root task with its input, which may be left out where the task takes none. */
export type ScheduledTask<Input> = TemplateTask<Input> &
  (undefined extends Input ? { input?: NoInfer<Input> } : { input: NoInfer<Input> });

/** A schedule to make or change: name, times, what it submits and how it behaves. */
export type ScheduleOptions<Input> = ScheduleBehavior &
  ScheduleTimes &
  TemplateOptions &
  (ScheduledTask<Input> | (TemplateRoots & { input?: never }));

/** The policies by their names here. */
export const overlapPolicies: Readonly<Record<OverlapPolicyName, OverlapPolicy>> = {
  skip: OverlapPolicy.SKIP,
  queueOne: OverlapPolicy.QUEUE_ONE,
  allow: OverlapPolicy.ALLOW,
  cancelRunning: OverlapPolicy.CANCEL_RUNNING,
};

/** The request that makes or changes a schedule. Errors: INVALID_FIELD naming the field. */
export function toPutSchedule<Input>(options: ScheduleOptions<Input>): PutScheduleRequest {
  const { name, description = "", overlap = "skip", catchUp, keepFirings = 0, paused = false } = options;
  const owner = `cannot put schedule "${name}"`;
  checkRange(options.keepFirings, [1, 10_000], { owner, field: "keepFirings", whole: true });
  return create(PutScheduleRequestSchema, {
    ...{ name, description, keepFirings, paused },
    spec: toScheduleSpec(options, owner),
    job: toTemplate({ ...options, options }, { name, owner }),
    overlap: policyOf(overlap, owner),
    ...(catchUp !== undefined && { catchUp: durationFromMs(durationMs(catchUp, { owner, field: "catchUp" })) }),
  });
}

function policyOf(overlap: OverlapPolicyName, owner: string): OverlapPolicy {
  const policy = overlapPolicies[overlap];
  if (policy !== undefined) return policy;
  const message = `${owner}: overlap is "${overlap}", must be skip, queueOne, allow or cancelRunning`;
  throw new SpanloomError("INVALID_FIELD", message, { field: "overlap" });
}
