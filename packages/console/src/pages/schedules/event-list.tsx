import { type Event, EventSource } from "@spanloom/protocol";
import { useState } from "react";
import { Link } from "wouter";
import { events } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { payloadText } from "../../text/payload.ts";
import { shortId } from "../../text/short-id.ts";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import { ListFilter } from "./list-filter.tsx";

const EVERY_MS = 3_000;
const PAGE_SIZE = 50;

/** The events that are kept, newest first; of keys like a pattern, or that came by one webhook. */
export function EventList({ pattern, webhook }: { pattern: string; webhook: string }) {
  const [keyPattern, setKeyPattern] = useState(pattern);
  const key = `events ${keyPattern} ${webhook}`;
  const pages = usePages(key);
  const { data, error, refresh } = usePoll(`${key} ${pages.token}`, EVERY_MS, (signal) => {
    const filter = { keyPattern, webhook };
    return events.listEvents({ filter, pageSize: PAGE_SIZE, pageToken: pages.token }, { signal });
  });
  const filtered = keyPattern !== "" || webhook !== "";
  return (
    <>
      <ListFilter label="Keys like order.* or order.**" value={keyPattern} onChange={setKeyPattern} />
      {webhook !== "" && (
        <p>
          <Link href="/schedules/events" replace className="chip" title="Show all events">
            by {webhook} <span aria-hidden="true">×</span>
          </Link>
        </p>
      )}
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {data?.events.length === 0 && <NoEvents filtered={filtered} />}
      {data && data.events.length > 0 && (
        <DataTable label="Events" columns={columns} rows={data.events} keyOf={({ id }) => id} />
      )}
      {data && <Pager label="Pages of events" pages={pages} next={data.nextPageToken} />}
    </>
  );
}

function NoEvents({ filtered }: { filtered: boolean }) {
  if (filtered) return <EmptyState title="No event is like that" />;
  return (
    <EmptyState title="No events yet">
      <p>
        Publish one with <code>{"spanloom event publish order.paid --payload '{\"id\": 7}'"}</code>, from a program with{" "}
        <code>client.events.publish</code>, or let a webhook deliver them.
      </p>
    </EmptyState>
  );
}

const sources: Readonly<Record<EventSource, string>> = {
  [EventSource.UNSPECIFIED]: "unknown",
  [EventSource.PUBLISHED]: "published",
  [EventSource.WEBHOOK]: "webhook",
  [EventSource.JOB]: "a job",
  [EventSource.REPLAY]: "replay",
};

/** Where an event came from. */
export function sourceText({ source, webhook }: Pick<Event, "source" | "webhook">): string {
  return webhook === "" ? (sources[source] ?? sources[0]) : `webhook ${webhook}`;
}

const columns: readonly Column<Event>[] = [
  {
    name: "Key",
    cell: ({ id, key }) => (
      <Link className="row-link" href={`/schedules/events?event=${encodeURIComponent(id)}`}>
        {key}
      </Link>
    ),
  },
  { name: "Id", className: "mono quiet", title: ({ id }) => id, cell: ({ id }) => shortId(id) },
  { name: "Payload", className: "mono quiet wide clip", cell: ({ payload }) => oneLine(payload) },
  { name: "From", cell: sourceText },
  { name: "Received", cell: ({ receivedAt }) => <RelativeTime at={receivedAt} /> },
];

const LINE_LENGTH = 200;

function oneLine(payload: Uint8Array): string {
  return payloadText(payload.subarray(0, LINE_LENGTH)).replace(/\s+/g, " ");
}
