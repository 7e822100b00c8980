import { JobState, type Schedule } from "@spanloom/protocol";
import { useState } from "react";
import { Link } from "wouter";
import { triggers } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import { DefinitionActions, DefinitionBadge } from "./definition-head.tsx";
import { FiringBadge } from "./firing-table.tsx";
import { ListFilter } from "./list-filter.tsx";
import { submitsText, timesText } from "./schedule-text.ts";

const EVERY_MS = 3_000;
const PAGE_SIZE = 100;

/** The schedules there are, by name. */
export function ScheduleList() {
  const [prefix, setPrefix] = useState("");
  const pages = usePages(prefix);
  const { data, error, refresh } = usePoll(`schedules ${prefix} ${pages.token}`, EVERY_MS, (signal) =>
    triggers.listSchedules({ namePrefix: prefix, pageSize: PAGE_SIZE, pageToken: pages.token }, { signal }),
  );
  return (
    <>
      <ListFilter label="Name begins with" value={prefix} onChange={setPrefix} />
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {data?.schedules.length === 0 && <NoSchedules filtered={prefix !== ""} />}
      {data && data.schedules.length > 0 && <ScheduleTable list={data.schedules} onDone={refresh} />}
      {data && <Pager label="Pages of schedules" pages={pages} next={data.nextPageToken} />}
    </>
  );
}

function NoSchedules({ filtered }: { filtered: boolean }) {
  if (filtered) return <EmptyState title="No schedule begins like that" />;
  return (
    <EmptyState title="No schedules yet">
      <p>
        A schedule submits a job at its times. Make one with{" "}
        <code>{"spanloom schedule put nightly my-task --cron '0 2 * * *'"}</code>, or from a program with{" "}
        <code>client.schedules.put</code>.
      </p>
    </EmptyState>
  );
}

function ScheduleTable({ list, onDone }: { list: readonly Schedule[]; onDone: () => void }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Schedules" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Schedule</th>
            <th scope="col">Times</th>
            <th scope="col">Submits</th>
            <th scope="col">Next</th>
            <th scope="col">Last firing</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((schedule) => (
            <ScheduleRow key={schedule.id} schedule={schedule} onDone={onDone} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ScheduleRow({ schedule, onDone }: { schedule: Schedule; onDone: () => void }) {
  const { name, paused, lastError, lastFiring } = schedule;
  return (
    <tr>
      <td>
        <DefinitionBadge paused={paused} failing={lastError !== ""} />
      </td>
      <td className="wide clip">
        <Link className="row-link" href={`/schedules?name=${encodeURIComponent(name)}`}>
          {name}
        </Link>
      </td>
      <td className="mono">{timesText(schedule.spec)}</td>
      <td className="clip">{submitsText(schedule)}</td>
      <td>
        <RelativeTime at={schedule.nextTimes[0]} />
      </td>
      <td>{lastFiring ? <LastFiring firing={lastFiring} /> : <span className="quiet">–</span>}</td>
      <td className="row-actions">
        <DefinitionActions of={{ kind: "schedule", name }} paused={paused} onDone={onDone} />
      </td>
    </tr>
  );
}

/** A firing in a list of what fired: the state of its job says more than that there is one. */
export function LastFiring({ firing }: { firing: NonNullable<Schedule["lastFiring"]> }) {
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
