import type { Job } from "@spanloom/protocol";
import { Link, useLocation } from "wouter";
import { durationText } from "../../text/duration-text.ts";
import { shortId } from "../../text/short-id.ts";
import { timestampMs } from "../../text/timestamp-ms.ts";
import { CopyButton } from "../../widgets/copy-button.tsx";
import { CountsBar } from "../../widgets/counts-bar.tsx";
import { Fact } from "../../widgets/fact.tsx";
import { Failure } from "../../widgets/failure.tsx";
import { Duration, RelativeTime } from "../../widgets/time.tsx";
import { TagList, triggerText } from "../jobs/job-table.tsx";
import { formatJobsView, parseJobsView } from "../jobs/jobs-view.ts";

/** What is known of a job besides its name: where, when, how long, why, and how it failed. */
export function JobFacts({ job }: { job: Job }) {
  const [, navigate] = useLocation();
  const showTagged = (tags: Record<string, string>) =>
    navigate(`/jobs?${formatJobsView({ ...parseJobsView(""), tags })}`);
  return (
    <>
      <dl className="facts">
        <Fact name="Tasks">
          <CountsBar counts={job.counts} />
        </Fact>
        <Fact name="Attempts">{job.attempts.toLocaleString()}</Fact>
        <Fact name="Submitted">
          <RelativeTime at={job.createdAt} />
        </Fact>
        <Fact name="Waited">{waited(job)}</Fact>
        <Fact name="Ran">
          <Duration from={job.startedAt} to={job.endedAt} />
        </Fact>
        <Fact name="Trigger">
          <TriggerLink job={job} />
        </Fact>
        <Fact name="Queue">{job.queue}</Fact>
        {job.priority !== 0 && <Fact name="Priority">{job.priority}</Fact>}
        {job.cancelReason !== "" && (
          <Fact name="Cancelled because">
            <bdi>{job.cancelReason}</bdi>
          </Fact>
        )}
        {job.retriedAt && (
          <Fact name="Retried">
            <RelativeTime at={job.retriedAt} />
          </Fact>
        )}
        {job.span && (
          <Fact name="Trace">
            <span className="mono" title={job.span.traceId}>
              {shortId(job.span.traceId)}
            </span>{" "}
            <CopyButton text={job.span.traceId} label="trace's id" />
          </Fact>
        )}
        {Object.keys(job.tags).length > 0 && (
          <Fact name="Tags">
            <TagList tags={job.tags} onChoose={showTagged} />
          </Fact>
        )}
      </dl>
      {job.failure && <Failure failure={job.failure} />}
    </>
  );
}

/** How long a job waited for its first task to start. */
function waited(job: Job): string {
  const [created, started] = [timestampMs(job.createdAt), timestampMs(job.startedAt)];
  return created === undefined || started === undefined ? "–" : durationText(Math.max(0, started - created));
}

/** What set the job going, with the way there. */
function TriggerLink({ job }: { job: Job }) {
  const { clonedJobId = "", schedule = "", trigger = "", eventId = "" } = job.trigger ?? {};
  if (clonedJobId !== "") {
    return (
      <>
        clone of <Link href={`/jobs/${clonedJobId}`}>{shortId(clonedJobId)}</Link>
      </>
    );
  }
  if (schedule !== "") return <Link href={`/schedules?name=${encodeURIComponent(schedule)}`}>{triggerText(job)}</Link>;
  if (trigger === "") return triggerText(job);
  return (
    <>
      <Link href={`/schedules/triggers?name=${encodeURIComponent(trigger)}`}>{triggerText(job)}</Link>
      {eventId !== "" && (
        <>
          {" "}
          by <Link href={`/schedules/events?event=${encodeURIComponent(eventId)}`}>its event</Link>
        </>
      )}
    </>
  );
}
