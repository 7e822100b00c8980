import { Link } from "wouter";
import { loadQuery } from "../../rpc/load-query.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { shortId } from "../../text/short-id.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { ElapsedTime } from "../../widgets/time.tsx";
import { loadRunning, MOST_RUNNING, type RunningAttempt } from "./running-attempts.ts";

const EVERY_MS = 3_000;

/** Who runs what now, and since when; of one runner, or of all. */
export function RunningTable({ runner, hostOf }: { runner: string; hostOf: (runnerId: string) => string }) {
  const { data, error, refresh } = usePoll(`running ${runner}`, EVERY_MS, async (signal) =>
    loadRunning(await loadQuery(), runner, signal),
  );
  return (
    <>
      <div className="section-head">
        <h2>Running now</h2>
        {runner !== "" && (
          <Link href="/queues" replace className="chip" title="Show what all runners run">
            on {hostOf(runner)} <span aria-hidden="true">×</span>
          </Link>
        )}
        {data?.length === MOST_RUNNING && <span className="quiet">the {MOST_RUNNING} longest-running</span>}
      </div>
      {!data && (error === undefined ? <LoadingRows rows={2} /> : <ErrorState error={error} onRetry={refresh} />)}
      {data?.length === 0 && <EmptyState title="Nothing runs" />}
      {data && data.length > 0 && <AttemptTable attempts={data} hostOf={hostOf} />}
    </>
  );
}

interface AttemptTableProps {
  attempts: readonly RunningAttempt[];
  hostOf: (runnerId: string) => string;
}

function AttemptTable({ attempts, hostOf }: AttemptTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Running now" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">Job</th>
            <th scope="col">Queue</th>
            <th scope="col">Runner</th>
            <th scope="col" className="number">
              Attempt
            </th>
            <th scope="col" className="number">
              For
            </th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((each) => (
            <tr key={each.spanId}>
              <td className="wide">
                <Link className="row-link" href={`/jobs/${each.jobId}/waterfall?span=${each.spanId}`}>
                  {each.taskName}
                </Link>
              </td>
              <td>
                <Link href={`/jobs/${each.jobId}`} title={each.jobId}>
                  {each.jobName}
                </Link>{" "}
                <span className="mono quiet">{shortId(each.jobId)}</span>
              </td>
              <td>{each.queue}</td>
              <td title={each.runnerId}>{hostOf(each.runnerId)}</td>
              <td className="number">{each.attempt}</td>
              <td className="number">
                <ElapsedTime fromMs={each.startMs} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
