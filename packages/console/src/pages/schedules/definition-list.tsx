import type { Firing, Schedule } from "@spanloom/protocol";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { usePoll } from "../../rpc/use-poll.ts";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Pager, usePages } from "../../widgets/pager.tsx";
import { DefinitionActions, DefinitionBadge } from "./definition-head.tsx";
import { LastFiring } from "./firing-table.tsx";
import { ListFilter } from "./list-filter.tsx";
import { submitsText } from "./schedule-text.ts";
import type { Definition } from "./steer-definition.ts";

/** What a list shows of a schedule and of a trigger alike. */
interface Listed extends Pick<Schedule, "job"> {
  id: string;
  name: string;
  paused: boolean;
  lastError: string;
  lastFiring?: Firing | undefined;
}

/** Which page of which definitions is asked for. */
interface Asked {
  namePrefix: string;
  pageSize: number;
  pageToken: string;
}

interface DefinitionListProps<Row extends Listed> {
  kind: Definition["kind"];
  label: string;
  /** Where one of them is shown, but for its name. */
  path: string;
  load: (asked: Asked, signal: AbortSignal) => Promise<{ rows: readonly Row[]; nextPageToken: string }>;
  /** What tells the kinds apart, before and after what they submit. */
  before: readonly Column<Row>[];
  after: readonly Column<Row>[];
  /** How to make the first. */
  children: ReactNode;
}

const EVERY_MS = 3_000;
const PAGE_SIZE = 100;

/** The schedules or triggers there are, by name. */
export function DefinitionList<Row extends Listed>(props: DefinitionListProps<Row>) {
  const { kind, label, path, load, before, after, children } = props;
  const [namePrefix, setPrefix] = useState("");
  const pages = usePages(namePrefix);
  const { data, error, refresh } = usePoll(`${kind}s ${namePrefix} ${pages.token}`, EVERY_MS, (signal) =>
    load({ namePrefix, pageSize: PAGE_SIZE, pageToken: pages.token }, signal),
  );
  const columns: readonly Column<Row>[] = [
    { name: "State", cell: ({ paused, lastError }) => <DefinitionBadge paused={paused} failing={lastError !== ""} /> },
    {
      name: "Name",
      className: "wide clip",
      cell: ({ name }) => (
        <Link className="row-link" href={`${path}?name=${encodeURIComponent(name)}`}>
          {name}
        </Link>
      ),
    },
    ...before,
    { name: "Submits", className: "clip", cell: submitsText },
    ...after,
    {
      name: "Last firing",
      cell: ({ lastFiring }) => (lastFiring ? <LastFiring firing={lastFiring} /> : <span className="quiet">–</span>),
    },
    {
      name: "Actions",
      isUnnamed: true,
      className: "row-actions",
      cell: ({ name, paused }) => <DefinitionActions of={{ kind, name }} paused={paused} onDone={refresh} />,
    },
  ];
  const isNone = data?.rows.length === 0;
  return (
    <>
      <ListFilter label="Name begins with" value={namePrefix} onChange={setPrefix} />
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {isNone && namePrefix !== "" && <EmptyState title={`No ${kind} begins like that`} />}
      {isNone && namePrefix === "" && <EmptyState title={`No ${kind}s yet`}>{children}</EmptyState>}
      {data && !isNone && <DataTable label={label} columns={columns} rows={data.rows} keyOf={({ id }) => id} />}
      {data && <Pager label={`Pages of ${kind}s`} pages={pages} next={data.nextPageToken} />}
    </>
  );
}
