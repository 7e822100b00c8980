import type { JobSnapshot, JobTriggerSnapshot } from "@spanloom/sdk";
import { formatDuration } from "./duration-text.ts";
import { factsText } from "./facts-text.ts";

/** How long a job has taken, up to now while it runs; empty before its start. */
export function jobDuration({ startedAt, endedAt }: JobSnapshot, nowMs: number): string {
  return startedAt ? formatDuration((endedAt?.getTime() ?? nowMs) - startedAt.getTime()) : "";
}

/** How many of a job's tasks have ended, however they did, of how many. */
export function endedText({ counts }: JobSnapshot): string {
  const { succeeded, failed, cancelled, skipped } = counts;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return `${succeeded + failed + cancelled + skipped}/${total}`;
}

/** One line about how far a job is. */
export function progressText(job: JobSnapshot): string {
  const counts = Object.entries(job.counts).filter(([, count]) => count > 0);
  const parts = counts.map(([state, count]) => `${count} ${state}`);
  return `${job.state}  ${endedText(job)} tasks  ${parts.join(", ")}`;
}

/** Everything a person wants to know of a job. */
export function jobText(job: JobSnapshot, nowMs: number): string {
  return factsText([
    ["job", job.id],
    ["name", job.name],
    ["state", job.state],
    ["tasks", progressText(job).split("  ").slice(1).join(", ")],
    ["attempts", String(job.attempts)],
    ["trigger", job.trigger ? triggerText(job.trigger) : ""],
    ["created", job.createdAt.toISOString()],
    ["took", jobDuration(job, nowMs)],
    [
      "tags",
      Object.entries(job.tags)
        .map(([key, value]) => `${key}=${value}`)
        .join(" "),
    ],
    ["trace", job.traceId],
    ...job.progress.map((p): [string, string] => ["progress", `${p.label} ${p.done}${p.total ? `/${p.total}` : ""}`]),
    ["failure", job.failure ? `${job.failure.type}: ${job.failure.message}` : ""],
    ["cancelled because", job.cancelReason ?? ""],
    ["output", job.output === undefined ? "" : JSON.stringify(job.output)],
  ]);
}

/** What set a job going; nothing for one that somebody submitted. */
function triggerText({
  type,
  schedule,
  trigger,
  scheduledAt,
  eventId,
  clonedJobId,
  backfill,
}: JobTriggerSnapshot): string {
  if (type === "MANUAL" && !schedule) return "";
  const facts = [
    schedule && `of ${schedule}`,
    trigger && `of ${trigger}`,
    scheduledAt && `for ${scheduledAt.toISOString()}`,
    eventId && `by event ${eventId}`,
    clonedJobId && `of ${clonedJobId}`,
    backfill && "asked for by a backfill",
  ];
  return [type.toLowerCase(), ...facts.filter(Boolean)].join(" ");
}
