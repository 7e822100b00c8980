import { msFromDuration, OverlapPolicy, type Schedule, type ScheduleSpec } from "@spanloom/protocol";
import { durationText } from "../../text/duration-text.ts";
import { secondTime } from "../../text/time-text.ts";
import { timestampMs } from "../../text/timestamp-ms.ts";

/** When a schedule fires, as it was written: `0 2 * * * Europe/Berlin`, `every 5m`, `once, 2027-01-01 09:00:00`. */
export function timesText(spec: ScheduleSpec | undefined): string {
  const times = spec?.times;
  if (times?.case === "cron") return `${times.value.expression} ${times.value.timeZone || "UTC"}`;
  if (times?.case === "interval")
    return `every ${times.value.every ? durationText(msFromDuration(times.value.every)) : "?"}`;
  const onceMs = times?.case === "once" ? timestampMs(times.value) : undefined;
  return onceMs === undefined ? "never" : `once, ${secondTime(onceMs)}`;
}

const overlaps: Readonly<Record<OverlapPolicy, string>> = {
  [OverlapPolicy.UNSPECIFIED]: "skips",
  [OverlapPolicy.SKIP]: "skips",
  [OverlapPolicy.QUEUE_ONE]: "one job waits",
  [OverlapPolicy.ALLOW]: "jobs run beside each other",
  [OverlapPolicy.CANCEL_RUNNING]: "cancels the running job",
};

/** What a time does while an earlier job has not ended. */
export function overlapText(policy: OverlapPolicy): string {
  return overlaps[policy] ?? overlaps[OverlapPolicy.UNSPECIFIED];
}

/** The tasks that a definition submits, by name, each once. */
export function submitsText({ job }: Pick<Schedule, "job">): string {
  const names = (job?.tasks?.specs ?? []).map(({ identifier }) => identifier?.name ?? "");
  return [...new Set(names)].join(", ");
}
