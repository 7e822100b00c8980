import { type Firing, JobState } from "@spanloom/protocol";
import { Link } from "wouter";
import { firingText } from "../../text/firing-outcomes.ts";
import { shortId } from "../../text/short-id.ts";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { ExactTime, RelativeTime } from "../../widgets/time.tsx";

/** Firings, a row each. */
export function FiringTable({ firings, ofEvents }: { firings: readonly Firing[]; ofEvents: boolean }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Firings" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Firing</th>
            <th scope="col">{ofEvents ? "Received" : "For"}</th>
            <th scope="col">Dealt with</th>
            <th scope="col">Job</th>
            {ofEvents && <th scope="col">Event</th>}
            <th scope="col" className="wide">
              Why
            </th>
          </tr>
        </thead>
        <tbody>
          {firings.map((firing) => (
            <FiringRow key={firing.id} firing={firing} ofEvents={ofEvents} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function FiringRow({ firing, ofEvents }: { firing: Firing; ofEvents: boolean }) {
  return (
    <tr>
      <td>
        <FiringBadge firing={firing} />
      </td>
      <td>
        <ExactTime at={firing.scheduledAt} />
      </td>
      <td>
        <RelativeTime at={firing.firedAt} />
      </td>
      <td>
        <FiredJob firing={firing} />
      </td>
      {ofEvents && (
        <td>
          <Link href={`/schedules/events?event=${encodeURIComponent(firing.eventId)}`} title={firing.eventId}>
            <span className="mono">{shortId(firing.eventId)}</span>
          </Link>
        </td>
      )}
      <td className="wide why">
        {firing.error !== "" && (
          <span className="row-problem" title={firing.error}>
            {firing.error}
          </span>
        )}
        {firing.requested && <span className="quiet">asked for</span>}
      </td>
    </tr>
  );
}

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
