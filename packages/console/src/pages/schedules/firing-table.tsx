import { type Firing, JobState } from "@spanloom/protocol";
import { Link } from "wouter";
import { firingText } from "../../text/firing-outcomes.ts";
import { shortId } from "../../text/short-id.ts";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { ExactTime, RelativeTime } from "../../widgets/time.tsx";

/** Firings, a row each. */
export function FiringTable({ firings, ofEvents }: { firings: readonly Firing[]; ofEvents: boolean }) {
  const columns = ofEvents ? [...begin("Received"), event, why] : [...begin("For"), why];
  return <DataTable label="Firings" columns={columns} rows={firings} keyOf={({ id }) => id} />;
}

/** The columns of every firing; `time` is what the time that it was meant for is called. */
function begin(time: string): Column<Firing>[] {
  return [
    { name: "Firing", cell: (firing) => <FiringBadge firing={firing} /> },
    { name: time, cell: ({ scheduledAt }) => <ExactTime at={scheduledAt} /> },
    { name: "Dealt with", cell: ({ firedAt }) => <RelativeTime at={firedAt} /> },
    { name: "Job", cell: (firing) => <FiredJob firing={firing} /> },
  ];
}

const event: Column<Firing> = {
  name: "Event",
  cell: ({ eventId }) => (
    <Link href={`/schedules/events?event=${encodeURIComponent(eventId)}`} title={eventId}>
      <span className="mono">{shortId(eventId)}</span>
    </Link>
  ),
};

const why: Column<Firing> = {
  name: "Why",
  className: "wide why",
  cell: ({ error, requested }) => (
    <>
      {error !== "" && (
        <span className="row-problem" title={error}>
          {error}
        </span>
      )}
      {requested && <span className="quiet">asked for</span>}
    </>
  ),
};

/** What became of a firing; one that stands for several says of how many. */
export function FiringBadge({ firing: { outcome, count } }: { firing: Firing }) {
  const { name, tone } = firingText(outcome);
  return (
    <span className={`badge state-${tone}`}>
      {name}
      {count > 1 && ` ×${count.toLocaleString()}`}
    </span>
  );
}

/** The job of a firing and how it stands; nothing where there is none. */
export function FiredJob({ firing: { jobId, jobState } }: { firing: Firing }) {
  if (jobId === "") return <span className="quiet">–</span>;
  if (jobState === JobState.UNSPECIFIED) {
    return (
      <span className="mono quiet" title={jobId}>
        {shortId(jobId)} is gone
      </span>
    );
  }
  return (
    <>
      <Link href={`/jobs/${jobId}`} title={jobId}>
        <span className="mono">{shortId(jobId)}</span>
      </Link>{" "}
      <StateBadge state={jobState} />
    </>
  );
}

/** A firing in a list of what fired: the state of its job says more than that there is one. */
export function LastFiring({ firing }: { firing: Firing }) {
  return (
    <span title={firing.error}>
      {firing.jobId === "" || firing.jobState === JobState.UNSPECIFIED ? (
        <FiringBadge firing={firing} />
      ) : (
        <Link href={`/jobs/${firing.jobId}`}>
          <StateBadge state={firing.jobState} />
        </Link>
      )}{" "}
      <RelativeTime at={firing.firedAt} />
    </span>
  );
}
