import { Link } from "wouter";
import { loadQuery } from "../../rpc/load-query.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { shortId } from "../../text/short-id.ts";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
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
  const columns: readonly Column<RunningAttempt>[] = [
    {
      name: "Task",
      className: "wide",
      cell: ({ jobId, spanId, taskName }) => (
        <Link className="row-link" href={`/jobs/${jobId}/waterfall?span=${spanId}`}>
          {taskName}
        </Link>
      ),
    },
    {
      name: "Job",
      title: ({ jobId }) => jobId,
      cell: ({ jobId, jobName }) => (
        <>
          <Link href={`/jobs/${jobId}`}>{jobName}</Link> <span className="mono quiet">{shortId(jobId)}</span>
        </>
      ),
    },
    { name: "Queue", cell: ({ queue }) => queue },
    { name: "Runner", title: ({ runnerId }) => runnerId, cell: ({ runnerId }) => hostOf(runnerId) },
    { name: "Attempt", className: "number", cell: ({ attempt }) => attempt },
    { name: "For", className: "number", cell: ({ startMs }) => <ElapsedTime fromMs={startMs} /> },
  ];
  return <DataTable label="Running now" columns={columns} rows={attempts} keyOf={({ spanId }) => spanId} />;
}
