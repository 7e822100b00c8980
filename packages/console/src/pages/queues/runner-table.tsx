import { type Runner, RunnerState } from "@spanloom/protocol";
import { Link } from "wouter";
import { runnerStateText } from "../../text/runner-states.ts";
import { shortId } from "../../text/short-id.ts";
import { Meter } from "../../widgets/meter.tsx";
import { RelativeTime } from "../../widgets/time.tsx";

interface RunnerTableProps {
  list: readonly Runner[];
  onDrain: (runner: Runner) => void;
}

/** The runners, a row each. */
export function RunnerTable({ list, onDrain }: RunnerTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Runners" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Runner</th>
            <th scope="col">Service</th>
            <th scope="col">Queues</th>
            <th scope="col">Running</th>
            <th scope="col">Started</th>
            <th scope="col">Seen</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((runner) => (
            <RunnerRow key={runner.id} runner={runner} onDrain={onDrain} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function RunnerRow({ runner, onDrain }: { runner: Runner; onDrain: RunnerTableProps["onDrain"] }) {
  const { name, tone } = runnerStateText(runner.state);
  return (
    <tr>
      <td>
        <span className={`badge state-${tone}`}>{name}</span>
      </td>
      <td title={runner.id}>
        <Link className="row-link" href={`/jobs?runner=${runner.id}`}>
          {runner.host} {runner.pid}
        </Link>
        <span className="mono quiet">{shortId(runner.id)}</span>
      </td>
      <td title={`${runner.sdkName} ${runner.sdkVersion}`}>
        {runner.serviceName || <span className="quiet">–</span>} <span className="quiet">{runner.serviceVersion}</span>
      </td>
      <td className="wide clip" title={runner.queues.join(", ")}>
        {runner.queues.join(", ")}
      </td>
      <td>
        {runner.running > 0 ? (
          <Link href={`/queues?runner=${runner.id}`} replace title="Show what it runs">
            <Meter label="running" used={runner.running} of={runner.capacity} />
          </Link>
        ) : (
          <Meter label="running" used={0} of={runner.capacity} />
        )}
      </td>
      <td>
        <RelativeTime at={runner.registeredAt} />
      </td>
      <td>
        <RelativeTime at={runner.lastSeenAt} />
      </td>
      <td className="number">
        {runner.state === RunnerState.ACTIVE && (
          <button type="button" className="button button-small" onClick={() => onDrain(runner)}>
            Drain
          </button>
        )}
      </td>
    </tr>
  );
}
