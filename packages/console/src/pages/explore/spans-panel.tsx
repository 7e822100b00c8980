import { useState } from "react";
import { LoadingRows } from "../../widgets/notice.tsx";
import { QueryProblem } from "./query-problem.tsx";
import { readSpans, spanColumns } from "./span-rows.ts";
import { SpansTable } from "./spans-table.tsx";
import { useAnswer } from "./use-answer.ts";
import type { Explore } from "./use-explore.ts";

const FIRST_SPANS = 2_000;
/** What a page may hold and still be scrolled through; beyond it a file is the better way. */
const MOST_SPANS = 50_000;

const sortable = [
  "start_time",
  "name",
  "type",
  "outcome",
  "status",
  "duration_ns",
  "queue",
  "service_name",
  "job_name",
];

/** The spans of the filter one by one; each leads to where it is in its job. */
export function SpansPanel({ explore, count }: { explore: Explore; count: number }) {
  const { view, key, time } = explore;
  const [limit, setLimit] = useState({ key, rows: FIRST_SPANS });
  const rows = limit.key === key ? limit.rows : FIRST_SPANS;
  const column = view.order.replace(/^-/, "");
  const order = { column: sortable.includes(column) ? column : "start_time", descending: view.order.startsWith("-") };
  const answer = useAnswer(time && `${key} ${order.column} ${order.descending} ${rows}`, async (signal) => {
    const { client, conditions } = explore.asking(signal);
    return readSpans(
      client
        .spans(conditions)
        .columns(...spanColumns)
        .orderBy(order)
        .limit(rows)
        .stream({ signal }),
    );
  });
  const { data, error, loading } = answer;
  const more = Math.min(MOST_SPANS, rows * 5);
  return (
    <section className="panel" aria-label="Spans">
      <header className="panel-head">
        <h2>Spans</h2>
        <span className="quiet" role="status">
          {data && shownText(data.count, Math.max(count, data.count))}
          {loading && data && " · loading…"}
        </span>
        {data && data.count < count && rows < MOST_SPANS && (
          <button type="button" className="button" disabled={loading} onClick={() => setLimit({ key, rows: more })}>
            Show {Math.min(more, count).toLocaleString()}
          </button>
        )}
        {data && data.count < count && rows >= MOST_SPANS && (
          <span className="quiet">Narrow the filter, or download them, to see the rest.</span>
        )}
      </header>
      {error !== undefined && <QueryProblem error={error} onRetry={explore.refresh} />}
      {!data && loading && <LoadingRows />}
      {data && <SpansTable explore={explore} rows={data} order={order} sortable={sortable} />}
    </section>
  );
}

function shownText(shown: number, all: number): string {
  return shown >= all
    ? `all ${shown.toLocaleString()}`
    : `the first ${shown.toLocaleString()} of ${all.toLocaleString()}`;
}
