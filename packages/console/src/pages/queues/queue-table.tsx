import { Link } from "wouter";
import { RelativeTime } from "../../widgets/time.tsx";
import type { QueueLoad } from "./queue-load.ts";
import { type AttemptCount, perMinute, rateText } from "./throughput.ts";

interface QueueTableProps {
  loads: readonly QueueLoad[];
  /** What started lately; undefined while it is not known. */
  counts: readonly AttemptCount[] | undefined;
  nowMs: number;
}

/** The queues, a row each. */
export function QueueTable({ loads, counts, nowMs }: QueueTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Queues" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col" className="number" title="May be leased now">
              Queued
            </th>
            <th
              scope="col"
              className="number"
              title="Of the queued, those that wait for a place or a window of a limit"
            >
              Throttled
            </th>
            <th scope="col" className="number" title="Wait for a time: a start, or another attempt">
              Scheduled
            </th>
            <th scope="col" className="number">
              Running
            </th>
            <th scope="col" className="number" title="Attempts that its runners may hold at once">
              Capacity
            </th>
            <th scope="col" className="number">
              Runners
            </th>
            <th scope="col" className="number" title="Attempts that started, on average of the last five minutes">
              Per minute
            </th>
            <th scope="col">Oldest queued</th>
          </tr>
        </thead>
        <tbody>
          {loads.map((load) => (
            <QueueRow key={load.stats.queue} load={load} rate={counts && perMinute(counts, nowMs, load.stats.queue)} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function QueueRow({ load: { stats, capacity, stuck }, rate }: { load: QueueLoad; rate: number | undefined }) {
  return (
    <tr>
      <td className="wide">
        <Link className="row-link" href={`/jobs?queue=${encodeURIComponent(stats.queue)}`}>
          {stats.queue}
        </Link>{" "}
        {stuck !== undefined && <span className="row-problem">{stuck}</span>}
      </td>
      <td className="number">{stats.queued.toLocaleString()}</td>
      <Quiet count={stats.throttled} />
      <Quiet count={stats.scheduled} />
      <td className="number">{stats.running.toLocaleString()}</td>
      <td className="number">{capacity.toLocaleString()}</td>
      <td className="number">{stats.runners.toLocaleString()}</td>
      <td className="number">{rate === undefined ? "–" : rateText(rate)}</td>
      <td>
        <RelativeTime at={stats.oldestQueuedAt} />
      </td>
    </tr>
  );
}

/** A figure that is nothing most of the time, and does not ask to be read then. */
function Quiet({ count }: { count: bigint }) {
  return <td className={`number ${count === 0n ? "quiet" : ""}`}>{count.toLocaleString()}</td>;
}
