import type { Job } from "@spanloom/protocol";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { errorText } from "../rpc/error-text.ts";
import { isEnded } from "../text/job-states.ts";
import { clockTime } from "../text/time-text.ts";
import { EmptyState, ErrorState, LoadingRows } from "../widgets/notice.tsx";
import { TypedFilter } from "../widgets/typed-filter.tsx";
import { ViewBody } from "../widgets/view-body.tsx";
import { VirtualList } from "../widgets/virtual-list.tsx";
import type { LogLine, LogRecord } from "./log-lines.ts";
import { LogPanel } from "./log-panel.tsx";
import { formatLogsView, logLevels, parseLogsView, type LogsView as View } from "./log-question.ts";
import { type LogsState, MOST_LINES, useLogs } from "./use-logs.ts";

const ROW_PX = 24;

/** The log of a job: what its tasks wrote, live while it runs. */
export function LogsView({ job }: { job: Job }) {
  const [, navigate] = useLocation();
  const view = parseLogsView(useSearch());
  const live = !isEnded(job.state);
  const state = useLogs(job, view);
  const [follow, setFollow] = useState(live);
  const show = (change: Partial<View>) => {
    const query = formatLogsView({ ...view, ...change });
    navigate(`/jobs/${job.id}/logs${query === "" ? "" : `?${query}`}`, { replace: true });
  };
  return (
    <section className="logs" aria-label="Logs">
      <search className="view-bar">
        <TypedFilter
          id="search"
          className="logs-find"
          label="Find in the text"
          value={view.find}
          onChange={(find) => show({ find })}
        />
        <fieldset className="switch" aria-label="Least severity">
          {logLevels.map((level) => (
            <button
              key={level}
              type="button"
              className="switch-choice"
              aria-pressed={view.level === level}
              onClick={() => show({ level })}
            >
              {level === "all" || level === "error" ? level : `${level}+`}
            </button>
          ))}
        </fieldset>
        <Narrowed view={view} onShow={show} />
        {live && (
          <label className="choice">
            <input type="checkbox" checked={follow} onChange={({ target }) => setFollow(target.checked)} />
            follow
          </label>
        )}
        <Counts state={state} live={live} />
      </search>
      <Lines key={formatLogsView(view)} {...{ job, view, state, live, follow, setFollow, show }} />
    </section>
  );
}

/** The task or span that the list is narrowed to, and the way out of it. */
function Narrowed({ view, onShow }: { view: View; onShow: (change: Partial<View>) => void }) {
  return (["task", "span"] as const)
    .filter((key) => view[key] !== "")
    .map((key) => (
      <button key={key} type="button" className="tag" title="Show all of the job" onClick={() => onShow({ [key]: "" })}>
        <span className="tag-key">{key}</span> <span className="mono">{view[key]}</span> ×
      </button>
    ));
}

function Counts({ state, live }: { state: LogsState; live: boolean }) {
  const { lines, complete, interrupted } = state;
  const there = `${lines.count.toLocaleString()} ${lines.count === 1 ? "record" : "records"}`;
  const text = complete ? there : `${there}${live ? ", live" : "…"}`;
  return (
    <span className="quiet view-counts" role="status" data-records={complete ? lines.count : undefined}>
      {interrupted === undefined ? text : `${there}, interrupted: ${errorText(interrupted).message}`}
    </span>
  );
}

interface LinesProps {
  job: Job;
  view: View;
  state: LogsState & { refresh: () => void };
  live: boolean;
  follow: boolean;
  setFollow: (follow: boolean) => void;
  show: (change: Partial<View>) => void;
}

function Lines({ job, view, state, live, follow, setFollow, show }: LinesProps) {
  const [record, setRecord] = useState<LogRecord>();
  const { lines, complete, error, refresh } = state;
  const selected = record ? lines.lineOf(record) : -1;
  if (lines.count === 0) {
    if (error !== undefined) return <ErrorState error={error} onRetry={refresh} />;
    return complete || live ? <NoLines {...{ view, live, show }} /> : <LoadingRows />;
  }
  return (
    <>
      {error !== undefined && (
        <p className="problem" role="alert">
          Not all has come: {errorText(error).message}{" "}
          <button type="button" className="button" onClick={refresh}>
            Try again
          </button>
        </p>
      )}
      <ViewBody>
        <VirtualList
          label="Log records"
          count={lines.count}
          rowHeight={ROW_PX}
          selected={selected}
          onSelect={(at) => {
            setRecord(lines.recordAt(at));
            setFollow(false);
          }}
          follow={live && follow}
          onFollow={(at) => live && setFollow(at)}
          rowClass={(at) => `log-line log-${lines.at(at).severity}`}
          row={(at) => <Line line={lines.at(at)} attributes={lines.attributesAt(at)} />}
        />
        {selected >= 0 && (
          <LogPanel
            job={job}
            line={lines.at(selected)}
            attributes={lines.attributesAt(selected)}
            onTask={(task) => show({ task })}
            onClose={() => setRecord(undefined)}
          />
        )}
      </ViewBody>
      {lines.count > MOST_LINES && !live && (
        <p className="quiet padded">
          These are the first {MOST_LINES.toLocaleString()} records and there are more: find what you look for, or take
          all of them by <code>spanloom logs {job.id}</code>.
        </p>
      )}
      {lines.dropped > 0 && (
        <p className="quiet padded">{lines.dropped.toLocaleString()} earlier records are not shown any more.</p>
      )}
    </>
  );
}

interface LineProps {
  line: LogLine;
  attributes: Readonly<Record<string, string>>;
}

function Line({ line, attributes }: LineProps) {
  const { timeMs, severity, taskName, attempt, body, eventName } = line;
  return (
    <>
      <span className="quiet log-time">{clockTime(timeMs)}</span>
      <span className="log-severity">{severity === "none" ? "" : severity}</span>
      <span className="quiet log-task">
        {taskName}
        {attempt > 1 && ` #${attempt}`}
      </span>
      {/* A line has one line of text: the rest is in the panel. */}
      <span className="log-body">
        {(body || eventName).slice(0, 1_000)} <span className="quiet">{ownText(attributes)}</span>
      </span>
    </>
  );
}

/** What a record says of itself; where it belongs is told beside it. */
function ownText(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .filter(([key]) => !key.startsWith("spanloom."))
    .map(([key, value]) => `${key}=${value}`.slice(0, 200))
    .join(" ");
}

function NoLines({ view, live, show }: Pick<LinesProps, "view" | "live" | "show">) {
  if (formatLogsView(view) !== "") {
    return (
      <EmptyState title={live ? "No record is like that yet" : "No record is like that"}>
        <button type="button" className="button" onClick={() => show({ level: "all", find: "", task: "", span: "" })}>
          Show all records
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState title={live ? "Nothing logged yet" : "Nothing was logged"}>
      <p>
        What a task writes by <code>ctx.log</code> comes here, and with <code>--capture-console</code> what it prints.
      </p>
    </EmptyState>
  );
}
