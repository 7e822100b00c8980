import type { JobFilter, JobStateCount } from "@spanloom/protocol";
import { useMemo, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { jobs } from "../../rpc/clients.ts";
import { serverNowMs } from "../../rpc/server-clock.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { HistoryChart } from "../../widgets/history-chart.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { ChosenBar } from "./chosen-bar.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { JobHistory } from "./job-history.ts";
import { JobTable } from "./job-table.tsx";
import {
  formatJobsView,
  fromMs,
  isFiltered,
  type JobsView,
  parseJobsView,
  periodMs,
  toJobFilter,
  withTimes,
} from "./jobs-view.ts";
import { chosenJobs } from "./many-jobs.ts";
import { StateTabs } from "./state-tabs.tsx";
import { SubmitDialog } from "./submit-dialog.tsx";

/** Marks a step of the browser's history that came from the page before it in the list. */
const OLDER = "older jobs";
const LIST_MS = 2_000;
const HISTORY_MS = 10_000;
const PAGE_SIZE = 50;

/** The jobs there are, newest first, as they come and go. */
export function JobsPage() {
  const [, navigate] = useLocation();
  const view = parseJobsView(useSearch());
  const [submitting, setSubmitting] = useState(false);
  const show = (change: Partial<JobsView>) => {
    const query = formatJobsView({ ...view, page: "", anchor: "", ...change });
    const isOlder = (change.page ?? "") !== "";
    navigate(query === "" ? "/jobs" : `/jobs?${query}`, { replace: !isOlder, state: isOlder ? OLDER : null });
  };
  const { list, counts, history } = useJobs(view);
  return (
    <>
      <header className="page-head">
        <h1>Jobs</h1>
        <button type="button" className="button button-main" onClick={() => setSubmitting(true)}>
          Submit a job
        </button>
      </header>
      <HistoryChart buckets={history.data ?? []} what="jobs" />
      <StateTabs counts={counts.data} chosen={view.states} onChoose={(states) => show({ states })} />
      <FilterBar view={view} onChange={show} />
      <JobList view={view} list={list} onShow={show} onSubmit={() => setSubmitting(true)} />
      {submitting && <SubmitDialog onClose={() => setSubmitting(false)} />}
    </>
  );
}

/** The list of a view, its counts by state, and its counts over time. */
function useJobs(view: JobsView) {
  const filter = toJobFilter(view);
  const period = periodMs(view);
  const conditions = formatJobsView({ ...view, search: "", page: "", anchor: "" });
  const list = usePoll(`${conditions}&page=${view.page}`, LIST_MS, async (signal) => {
    const from = fromMs(view, serverNowMs());
    const asked = { filter: withTimes(filter, from), pageSize: PAGE_SIZE, pageToken: view.page };
    const answer = await jobs.listJobs(asked, { signal });
    return { jobs: answer.jobs, next: answer.nextPageToken, anchor: String(from ?? "") };
  });
  // The list comes in no time, counts under a condition need not: they would keep it waiting.
  const isListed = list.data !== undefined || list.error !== undefined;
  const withoutStates = formatJobsView({ ...view, search: "", page: "", anchor: "", states: [] });
  const counts = usePoll(withoutStates, LIST_MS, (signal) => count(view, filter, signal), isListed);
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are the conditions that the filter is made of.
  const counted = useMemo(
    () =>
      new JobHistory(
        async (from, to, signal) => {
          const answer = await jobs.countJobs({ filter: withTimes(filter, from, to) }, { signal });
          return answer.counts;
        },
        async (from, to, signal) => {
          const ofAnyState = { ...withTimes(filter, from, to), states: [] };
          const answer = await jobs.listJobs({ filter: ofAnyState, pageSize: 1 }, { signal });
          return answer.jobs.length > 0;
        },
      ),
    [withoutStates],
  );
  const load = (signal: AbortSignal) => counted.load(period, serverNowMs(), signal);
  const history = usePoll(withoutStates, HISTORY_MS, load, isListed);
  return { list, counts, history };
}

/** How many jobs of a view are in which state; of all its pages. */
async function count(view: JobsView, filter: JobFilter, signal: AbortSignal): Promise<readonly JobStateCount[]> {
  const from = fromMs({ ...view, anchor: "" }, serverNowMs());
  const { counts } = await jobs.countJobs({ filter: withTimes(filter, from) }, { signal });
  return counts;
}

interface JobListProps {
  view: JobsView;
  list: ReturnType<typeof useJobs>["list"];
  onShow: (change: Partial<JobsView>) => void;
  onSubmit: () => void;
}

function JobList({ view, list, onShow, onSubmit }: JobListProps) {
  const { data, error, refresh } = list;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const many = chosenJobs(data?.jobs ?? [], chosen);
  const none = () => setChosen(new Set());
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  if (data.jobs.length === 0) return <NoJobs view={view} onShow={onShow} onSubmit={onSubmit} />;
  return (
    <>
      {many.all.length > 0 && <ChosenBar many={many} onClear={none} onDone={refresh} />}
      <JobTable jobs={data.jobs} search={view.search} onChoose={setChosen} {...{ chosen, onShow }} />
      <nav className="pages" aria-label="Pages">
        {view.page !== "" && (
          <button type="button" className="button" onClick={() => newer(onShow)}>
            ← Newer
          </button>
        )}
        {data.next !== "" && (
          <button type="button" className="button" onClick={() => onShow({ page: data.next, anchor: data.anchor })}>
            Older →
          </button>
        )}
      </nav>
    </>
  );
}

/** To the page before this one; to the first where the browser was opened on this one, as by a link. */
function newer(onShow: JobListProps["onShow"]): void {
  if (history.state === OLDER) history.back();
  else onShow({ page: "" });
}

function NoJobs({ view, onShow, onSubmit }: Omit<JobListProps, "list">) {
  if (isFiltered(view)) {
    const all: Partial<JobsView> = { ...parseJobsView("") };
    return (
      <EmptyState title="No job is like that">
        <p>Take a condition away, or look at a longer time.</p>
        <button type="button" className="button" onClick={() => onShow(all)}>
          Show all jobs
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No jobs yet">
      <p>
        Start a runner with your tasks, <code>npx spanloom-runner tasks.ts</code>, and submit the first job here, with{" "}
        <code>spanloom job submit</code>, or from a program.
      </p>
      <button type="button" className="button button-main" onClick={onSubmit}>
        Submit a job
      </button>
    </EmptyState>
  );
}
