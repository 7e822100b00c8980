import type { QueueStats, Runner } from "@spanloom/protocol";
import { RunnerState } from "@spanloom/protocol";
import { Link } from "wouter";
import { jobs, runners } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { shortId } from "../../text/short-id.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { RelativeTime } from "../../widgets/time.tsx";

const EVERY_MS = 2_000;

/** What waits where, and who works on it. */
export function QueuesPage() {
  const { data, error, refresh } = usePoll("queues and runners", EVERY_MS, async (signal) => {
    const there = [RunnerState.ACTIVE, RunnerState.DRAINING];
    const [stats, list] = await Promise.all([
      jobs.getQueueStats({}, { signal }),
      runners.listRunners({ states: there, pageSize: 1_000 }, { signal }),
    ]);
    return { queues: stats.queues, runners: list.runners };
  });
  return (
    <>
      <header className="page-head">
        <h1>Queues</h1>
      </header>
      {!data && (error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />)}
      {data &&
        (data.queues.length > 0 ? <QueueTable queues={data.queues} /> : <EmptyState title="No queue is in use" />)}
      <h2 className="padded">Runners</h2>
      {data && (data.runners.length > 0 ? <RunnerTable list={data.runners} /> : <NoRunners />)}
    </>
  );
}

function NoRunners() {
  return (
    <EmptyState title="No runner is there">
      <p>
        Start one with <code>npx spanloom-runner tasks.ts</code>.
      </p>
    </EmptyState>
  );
}

function QueueTable({ queues }: { queues: readonly QueueStats[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Queues" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" className="number">
              Queued
            </th>
            <th scope="col" className="number">
              Scheduled
            </th>
            <th scope="col" className="number">
              Throttled
            </th>
            <th scope="col" className="number">
              Running
            </th>
            <th scope="col" className="number">
              Runners
            </th>
            <th scope="col">Oldest queued</th>
          </tr>
        </thead>
        <tbody>
          {queues.map((each) => (
            <tr key={each.queue}>
              <td>
                <Link href={`/jobs?queue=${encodeURIComponent(each.queue)}`}>{each.queue}</Link>
              </td>
              <td className="number">{each.queued.toLocaleString()}</td>
              <td className="number">{each.scheduled.toLocaleString()}</td>
              <td className="number">{each.throttled.toLocaleString()}</td>
              <td className="number">{each.running.toLocaleString()}</td>
              <td className="number">{each.runners.toLocaleString()}</td>
              <td>
                <RelativeTime at={each.oldestQueuedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function RunnerTable({ list }: { list: readonly Runner[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Runners" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Runner</th>
            <th scope="col">Host</th>
            <th scope="col">Service</th>
            <th scope="col">Queues</th>
            <th scope="col" className="number">
              Running
            </th>
            <th scope="col">Seen</th>
          </tr>
        </thead>
        <tbody>
          {list.map((runner) => (
            <tr key={runner.id}>
              <td className="mono" title={runner.id}>
                <Link href={`/jobs?runner=${runner.id}`}>{shortId(runner.id)}</Link>
                {runner.state === RunnerState.DRAINING && <span className="quiet"> draining</span>}
              </td>
              <td>
                {runner.host} <span className="quiet">{runner.pid}</span>
              </td>
              <td>{runner.serviceName}</td>
              <td>{runner.queues.join(", ")}</td>
              <td className="number">
                {runner.running} of {runner.capacity}
              </td>
              <td>
                <RelativeTime at={runner.lastSeenAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
