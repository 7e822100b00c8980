import type { Job } from "@spanloom/protocol";
import { useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { jobs } from "../../rpc/clients.ts";
import { query } from "../../rpc/query.ts";
import { type Live, usePoll } from "../../rpc/use-poll.ts";
import { isEnded } from "../../text/job-states.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { CompareDialog } from "./compare-dialog.tsx";
import { comparePath } from "./compare-path.ts";
import { type CompareView, formatCompareView, parseCompareView } from "./compare-view.ts";
import { ComparedJobs } from "./compared-jobs.tsx";
import { ComparisonFilter } from "./comparison-filter.tsx";
import { readComparison } from "./comparison-rows.ts";
import { ComparisonTable } from "./comparison-table.tsx";

const LIVE_MS = 3_000;
const ENDED_MS = 60_000;

/** Two jobs side by side: what got slower or faster, came or went, by the names of their spans. */
export function ComparePage({ baseId, otherId }: { baseId: string; otherId: string }) {
  const [, navigate] = useLocation();
  const search = useSearch();
  const view = parseCompareView(search);
  const [choosing, setChoosing] = useState<Job>();
  const [base, other] = [useCompared(baseId), useCompared(otherId)];
  const known = other.data ?? base.data;
  const go = (first: string, second: string, next: CompareView = view) => {
    const text = formatCompareView(next);
    navigate(comparePath(first, second) + (text === "" ? "" : `?${text}`), { replace: true });
  };
  return (
    <>
      <header className="page-head">
        <div>
          <p className="crumbs">
            <Link href="/jobs">Jobs</Link> /
          </p>
          <h1>Compare</h1>
        </div>
        <div className="actions">
          {known && (
            <button type="button" className="button" onClick={() => setChoosing(known)}>
              Other jobs…
            </button>
          )}
          <button type="button" className="button" onClick={() => go(otherId, baseId)}>
            ⇄ Swap
          </button>
        </div>
      </header>
      <ComparedJobs base={base} other={other} />
      <Differences
        {...{ baseId, otherId, view }}
        state={`${stateOf(base)} ${stateOf(other)}`}
        live={[base, other].some(({ data }) => data && !isEnded(data.state))}
        onShow={(change) => go(baseId, otherId, { ...view, ...change })}
      />
      {choosing && <CompareDialog job={choosing} onClose={() => setChoosing(undefined)} />}
    </>
  );
}

function useCompared(jobId: string): Live<Job> {
  const [ended, setEnded] = useState(false);
  return usePoll(`compared ${jobId}`, ended ? ENDED_MS : LIVE_MS, async (signal) => {
    const { job } = await jobs.getJob({ jobId }, { signal });
    if (!job) throw new Error("the server gave no job");
    setEnded(isEnded(job.state));
    return job;
  });
}

/** What tells one run of a job from the next. */
function stateOf({ data }: Live<Job>): string {
  return data ? `${data.state} ${data.retriedAt?.seconds}` : "";
}

interface DifferencesProps {
  baseId: string;
  otherId: string;
  view: CompareView;
  state: string;
  live: boolean;
  onShow: (change: Partial<CompareView>) => void;
}

function Differences({ baseId, otherId, view, state, live, onShow }: DifferencesProps) {
  const key = `comparison of ${baseId} ${otherId} ${state}`;
  const { data, error, refresh } = usePoll(key, live ? LIVE_MS : ENDED_MS, (signal) =>
    readComparison(query.compare({ base: baseId, other: otherId }), signal),
  );
  if (baseId === otherId) {
    return (
      <EmptyState title="These are one and the same job">
        <p>Choose another one to compare it with.</p>
      </EmptyState>
    );
  }
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  return (
    <>
      <ComparisonFilter {...{ view, onShow }} rows={data.rows} />
      <ComparisonTable {...{ baseId, otherId, view, onShow }} comparison={data} />
    </>
  );
}
