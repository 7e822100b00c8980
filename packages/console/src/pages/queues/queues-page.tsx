import { type Runner, RunnerState } from "@spanloom/protocol";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { jobs, runners } from "../../rpc/clients.ts";
import { loadQuery } from "../../rpc/load-query.ts";
import { serverNowMs } from "../../rpc/server-clock.ts";
import { type Live, usePoll } from "../../rpc/use-poll.ts";
import { useNow } from "../../state/now.ts";
import { secondsText } from "../../text/duration-text.ts";
import { shortId } from "../../text/short-id.ts";
import { type Figure, Figures } from "../../widgets/figures.tsx";
import { HistoryChart } from "../../widgets/history-chart.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { DrainDialog } from "./drain-dialog.tsx";
import { queueLoads, type TotalLoad, totalLoad } from "./queue-load.ts";
import { QueueTable } from "./queue-table.tsx";
import { RunnerTable } from "./runner-table.tsx";
import { RunningTable } from "./running-table.tsx";
import { type AttemptCount, loadThroughput, perMinute, rateText, throughputBuckets } from "./throughput.ts";

const EVERY_MS = 2_000;
const THROUGHPUT_MS = 10_000;
const MOST_RUNNERS = 1_000;

/** What waits where, who works on it, and what they work on. */
export function QueuesPage() {
  const search = new URLSearchParams(useSearch());
  const gone = search.has("gone");
  const live = useLoad(gone);
  const throughput = usePoll("throughput", THROUGHPUT_MS, async (signal) =>
    loadThroughput(await loadQuery(), serverNowMs(), signal),
  );
  const { data, error, refresh } = live;
  return (
    <>
      <header className="page-head">
        <h1>Queues and runners</h1>
      </header>
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {data && <Loaded {...data} throughput={throughput} />}
      {data && <RunnerSection list={data.runners} gone={gone} onDone={refresh} />}
      {data && (
        <RunningTable runner={search.get("runner") ?? ""} hostOf={(runnerId) => hostOf(data.runners, runnerId)} />
      )}
    </>
  );
}

function useLoad(gone: boolean) {
  const states: RunnerState[] = [RunnerState.ACTIVE, RunnerState.DRAINING];
  if (gone) states.push(RunnerState.STOPPED, RunnerState.LOST);
  return usePoll(`queues and runners ${gone}`, EVERY_MS, async (signal) => {
    const [stats, list] = await Promise.all([
      jobs.getQueueStats({}, { signal }),
      runners.listRunners({ states, pageSize: MOST_RUNNERS }, { signal }),
    ]);
    return { queues: stats.queues, runners: list.runners };
  });
}

/** How a person calls a runner. */
function hostOf(list: readonly Runner[], runnerId: string): string {
  const runner = list.find(({ id }) => id === runnerId);
  return runner ? `${runner.host} ${runner.pid}` : shortId(runnerId);
}

interface LoadedProps {
  queues: Parameters<typeof queueLoads>[0];
  runners: readonly Runner[];
  throughput: Live<readonly AttemptCount[]>;
}

function Loaded({ queues, runners: list, throughput: { data: counts, error } }: LoadedProps) {
  const now = useNow();
  const rate = counts && perMinute(counts, now);
  return (
    <>
      <Figures label="Load" figures={figuresOf(totalLoad(queues, list), rate, now)} />
      {counts ? (
        <HistoryChart buckets={throughputBuckets(counts, now)} what="attempts" />
      ) : (
        error !== undefined && <ErrorState error={error} />
      )}
      {queues.length > 0 ? (
        <QueueTable loads={queueLoads(queues, list)} counts={counts} nowMs={now} />
      ) : (
        <EmptyState title="No queue is in use">
          <p>A queue is here from its first task on.</p>
        </EmptyState>
      )}
    </>
  );
}

function figuresOf(load: TotalLoad, rate: number | undefined, nowMs: number): Figure[] {
  const { queued, running, capacity, runners: count, draining, oldestMs } = load;
  return [
    { name: "queued", value: queued.toLocaleString() },
    { name: "running", value: running.toLocaleString(), note: `of ${capacity.toLocaleString()}` },
    { name: "oldest waits", value: oldestMs === undefined ? "–" : secondsText(nowMs - oldestMs) },
    { name: "attempts a minute", value: rate === undefined ? "–" : rateText(rate) },
    {
      name: "runners",
      value: count.toLocaleString(),
      note: draining > 0 ? `${draining.toLocaleString()} draining` : undefined,
      tone: count === 0 ? "bad" : undefined,
    },
  ];
}

interface RunnerSectionProps {
  list: readonly Runner[];
  gone: boolean;
  onDone: () => void;
}

function RunnerSection({ list, gone, onDone }: RunnerSectionProps) {
  const [, navigate] = useLocation();
  const [draining, setDraining] = useState<Runner>();
  return (
    <>
      <div className="section-head">
        <h2>Runners</h2>
        <label className="choice">
          <input
            type="checkbox"
            checked={gone}
            onChange={() => navigate(gone ? "/queues" : "/queues?gone=1", { replace: true })}
          />
          also those that stopped or were lost
        </label>
        {list.length === MOST_RUNNERS && <span className="quiet">the newest {MOST_RUNNERS.toLocaleString()}</span>}
      </div>
      {list.length > 0 ? (
        <RunnerTable list={list} onDrain={setDraining} />
      ) : (
        <EmptyState title="No runner is there">
          <p>
            Start one with <code>npx spanloom-runner tasks.ts</code>.
          </p>
        </EmptyState>
      )}
      {draining && <DrainDialog runner={draining} onClose={() => setDraining(undefined)} onDone={onDone} />}
    </>
  );
}
