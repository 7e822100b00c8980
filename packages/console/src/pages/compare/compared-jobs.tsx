import type { Job } from "@spanloom/protocol";
import { Link } from "wouter";
import type { Live } from "../../rpc/use-poll.ts";
import { durationText } from "../../text/duration-text.ts";
import { timestampMs } from "../../text/timestamp-ms.ts";
import { CountsBar } from "../../widgets/counts-bar.tsx";
import { ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { Duration, RelativeTime } from "../../widgets/time.tsx";
import { signedText } from "./signed-text.ts";

/** Both jobs side by side. */
export function ComparedJobs({ base, other }: { base: Live<Job>; other: Live<Job> }) {
  return (
    <div className="compared">
      <ComparedJob side="Base" live={base} />
      <ComparedJob side="Other" live={other} from={base.data} />
    </div>
  );
}

function ComparedJob({ side, live, from }: { side: string; live: Live<Job>; from?: Job | undefined }) {
  const { data: job, error, refresh } = live;
  if (!job && error !== undefined) return <ErrorState error={error} onRetry={refresh} />;
  return (
    <section className={`compared-job compared-${side.toLowerCase()}`} aria-label={side}>
      {job ? <JobSummary {...{ side, job, from }} /> : <LoadingRows rows={3} />}
    </section>
  );
}

function JobSummary({ side, job, from }: { side: string; job: Job; from: Job | undefined }) {
  const [took, before] = [tookMs(job), from && tookMs(from)];
  return (
    <>
      <p className="quiet">
        <span className={`legend-mark side-${side.toLowerCase()}`} aria-hidden="true" /> {side}
      </p>
      <h2>
        <Link href={`/jobs/${job.id}`}>{job.name}</Link> <StateBadge state={job.state} />
      </h2>
      <p className="mono quiet">{job.id}</p>
      <p className="compared-facts">
        <span>
          <span className="quiet">submitted</span> <RelativeTime at={job.createdAt} />
        </span>
        <span>
          <span className="quiet">ran</span> <Duration from={job.startedAt} to={job.endedAt} />{" "}
          {took !== undefined && before !== undefined && (
            <span className={took > before ? "slower" : "faster"}>
              {signedText(took - before, durationText(Math.abs(took - before)))}
            </span>
          )}
        </span>
        <span>
          <span className="quiet">attempts</span> {job.attempts.toLocaleString()}
        </span>
        <CountsBar counts={job.counts} />
      </p>
    </>
  );
}

/** How long an ended job ran. */
function tookMs({ startedAt, endedAt }: Job): number | undefined {
  const [from, to] = [timestampMs(startedAt), timestampMs(endedAt)];
  return from === undefined || to === undefined ? undefined : to - from;
}
