import type { Trigger } from "@spanloom/protocol";
import { useState } from "react";
import { Link } from "wouter";
import { triggers } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { DefinitionActions, DefinitionBadge } from "./definition-head.tsx";
import { ListFilter } from "./list-filter.tsx";
import { LastFiring } from "./schedule-list.tsx";
import { submitsText } from "./schedule-text.ts";

const EVERY_MS = 3_000;
const PAGE_SIZE = 100;

/** The triggers there are, by name. */
export function TriggerList() {
  const [prefix, setPrefix] = useState("");
  const pages = usePages(prefix);
  const { data, error, refresh } = usePoll(`triggers ${prefix} ${pages.token}`, EVERY_MS, (signal) =>
    triggers.listTriggers({ namePrefix: prefix, pageSize: PAGE_SIZE, pageToken: pages.token }, { signal }),
  );
  return (
    <>
      <ListFilter label="Name begins with" value={prefix} onChange={setPrefix} />
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {data?.triggers.length === 0 && <NoTriggers filtered={prefix !== ""} />}
      {data && data.triggers.length > 0 && <TriggerTable list={data.triggers} onDone={refresh} />}
      {data && <Pager label="Pages of triggers" pages={pages} next={data.nextPageToken} />}
    </>
  );
}

function NoTriggers({ filtered }: { filtered: boolean }) {
  if (filtered) return <EmptyState title="No trigger begins like that" />;
  return (
    <EmptyState title="No triggers yet">
      <p>
        A trigger submits a job for each event that it takes. Make one with{" "}
        <code>{"spanloom trigger put ship my-task --on 'order.paid'"}</code>, or from a program with{" "}
        <code>client.triggers.put</code>.
      </p>
    </EmptyState>
  );
}

function TriggerTable({ list, onDone }: { list: readonly Trigger[]; onDone: () => void }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Triggers" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Trigger</th>
            <th scope="col">On</th>
            <th scope="col">When</th>
            <th scope="col">Submits</th>
            <th scope="col">Last firing</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((trigger) => (
            <TriggerRow key={trigger.id} trigger={trigger} onDone={onDone} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TriggerRow({ trigger, onDone }: { trigger: Trigger; onDone: () => void }) {
  const { name, paused, lastError, lastFiring, filter } = trigger;
  return (
    <tr>
      <td>
        <DefinitionBadge paused={paused} failing={lastError !== ""} />
      </td>
      <td className="wide clip">
        <Link className="row-link" href={`/schedules/triggers?name=${encodeURIComponent(name)}`}>
          {name}
        </Link>
      </td>
      <td className="mono">{trigger.keyPattern}</td>
      <td className="mono clip" title={filter}>
        {filter || <span className="quiet">always</span>}
      </td>
      <td className="clip">{submitsText(trigger)}</td>
      <td>{lastFiring ? <LastFiring firing={lastFiring} /> : <span className="quiet">–</span>}</td>
      <td className="row-actions">
        <DefinitionActions of={{ kind: "trigger", name }} paused={paused} onDone={onDone} />
      </td>
    </tr>
  );
}
