import { type Runner, RunnerState } from "@spanloom/protocol";
import { Link } from "wouter";
import { runnerStateText } from "../../text/runner-states.ts";
import { shortId } from "../../text/short-id.ts";
import { type Column, DataTable } from "../../widgets/data-table.tsx";
import { Meter } from "../../widgets/meter.tsx";
import { RelativeTime } from "../../widgets/time.tsx";

interface RunnerTableProps {
  list: readonly Runner[];
  onDrain: (runner: Runner) => void;
}

/** The runners, a row each. */
export function RunnerTable({ list, onDrain }: RunnerTableProps) {
  const actions: Column<Runner> = {
    name: "Actions",
    isUnnamed: true,
    className: "number",
    cell: (runner) =>
      runner.state === RunnerState.ACTIVE && (
        <button type="button" className="button button-small" onClick={() => onDrain(runner)}>
          Drain
        </button>
      ),
  };
  return <DataTable label="Runners" columns={[...columns, actions]} rows={list} keyOf={({ id }) => id} />;
}

const columns: readonly Column<Runner>[] = [
  { name: "State", cell: ({ state }) => <RunnerBadge state={state} /> },
  {
    name: "Runner",
    title: ({ id }) => id,
    cell: ({ id, host, pid }) => (
      <>
        <Link className="row-link" href={`/jobs?runner=${id}`}>
          {host} {pid}
        </Link>
        <span className="mono quiet">{shortId(id)}</span>
      </>
    ),
  },
  {
    name: "Service",
    title: ({ sdkName, sdkVersion }) => `${sdkName} ${sdkVersion}`,
    cell: ({ serviceName, serviceVersion }) => (
      <>
        {serviceName || <span className="quiet">–</span>} <span className="quiet">{serviceVersion}</span>
      </>
    ),
  },
  {
    name: "Queues",
    className: "wide clip",
    title: ({ queues }) => queues.join(", "),
    cell: ({ queues }) => queues.join(", "),
  },
  { name: "Running", cell: (runner) => <RunnerLoad runner={runner} /> },
  { name: "Started", cell: ({ registeredAt }) => <RelativeTime at={registeredAt} /> },
  { name: "Seen", cell: ({ lastSeenAt }) => <RelativeTime at={lastSeenAt} /> },
];

function RunnerBadge({ state }: Pick<Runner, "state">) {
  const { name, tone } = runnerStateText(state);
  return <span className={`badge state-${tone}`}>{name}</span>;
}

function RunnerLoad({ runner: { id, running, capacity } }: { runner: Runner }) {
  const meter = <Meter label="running" used={running} of={capacity} />;
  if (running === 0) return meter;
  return (
    <Link href={`/queues?runner=${id}`} replace title="Show what it runs">
      {meter}
    </Link>
  );
}
