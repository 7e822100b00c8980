import { type UIEvent, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { durationText } from "../../text/duration-text.ts";
import { spanPath } from "../../text/span-path.ts";
import { exactTime } from "../../text/time-text.ts";
import { SortHead } from "../../widgets/sort-head.tsx";
import { rowsToDraw } from "../../widgets/virtual-rows.ts";
import { conditionsKey } from "./explore-view.ts";
import type { SpanRows } from "./span-rows.ts";
import type { Explore } from "./use-explore.ts";

interface SpansTableProps {
  explore: Explore;
  rows: SpanRows;
  order: { column: string; descending: boolean };
  sortable: readonly string[];
}

const ROW_PX = 28;
const BOX_PX = 460;

const heads = [
  { column: "start_time", label: "Started", largestFirst: true },
  { column: "name", label: "Name" },
  { column: "outcome", label: "Outcome" },
  { column: "duration_ns", label: "Duration", largestFirst: true },
  { column: "type", label: "Type" },
  { column: "queue", label: "Queue" },
  { column: "service_name", label: "Service" },
  { column: "job_name", label: "Job" },
] as const;

/** Spans as rows, of which only those in sight are drawn. */
export function SpansTable({ explore, rows, order }: SpansTableProps) {
  const sorting = {
    order: `${order.descending ? "-" : ""}${order.column}`,
    onOrder: (next: string) => explore.show({ order: next }),
  };
  const [top, setTop] = useState(0);
  const box = useRef<HTMLElement>(null);
  const about = conditionsKey(explore.view);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rows begin at their top.
  useEffect(() => {
    if (box.current) box.current.scrollTop = 0;
  }, [order.column, order.descending, about]);
  const [from, to] = rowsToDraw({ count: rows.count, rowHeight: ROW_PX, height: BOX_PX, scrollTop: top });
  return (
    <section
      ref={box}
      className="table-frame spans-frame"
      aria-label="Spans of the filter"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
      tabIndex={0}
      onScroll={(event: UIEvent) => setTop(event.currentTarget.scrollTop)}
    >
      <table className="table spans-table" aria-rowcount={rows.count + 1}>
        <thead>
          <tr>
            {heads.map((head) => (
              <SortHead key={head.column} {...head} {...sorting} />
            ))}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <Gap height={from * ROW_PX} />}
          {Array.from({ length: to - from }, (_, at) => from + at).map((row) => (
            <SpanRow key={row} rows={rows} row={row} />
          ))}
          {to < rows.count && <Gap height={(rows.count - to) * ROW_PX} />}
        </tbody>
      </table>
    </section>
  );
}

function Gap({ height }: { height: number }) {
  return (
    <tr className="gap">
      <td colSpan={heads.length} style={{ height }} />
    </tr>
  );
}

function SpanRow({ rows, row }: { rows: SpanRows; row: number }) {
  const text = (column: Parameters<SpanRows["value"]>[1]) => String(rows.value(row, column) ?? "");
  const startMs = Number(rows.value(row, "start_time"));
  const ns = rows.value(row, "duration_ns");
  const [name, jobId, failed] = [text("name"), text("job_id"), text("status") === "ERROR"];
  return (
    <tr aria-rowindex={row + 2}>
      <td className="mono" title={exactTime(startMs)}>
        {clockText(startMs)}
      </td>
      <td className="wide">
        {jobId === "" ? (
          <span title={`Trace ${text("trace_id")}, of no job`}>{name}</span>
        ) : (
          <Link href={spanPath(jobId, text("span_id"))} className="row-link">
            {name}
          </Link>
        )}
      </td>
      <td className={failed ? "span-failed" : ""}>{outcomeText(text("outcome"), failed, ns === null)}</td>
      <td>
        <span className="span-length">
          <progress max={Math.max(1, rows.longestNs)} value={Number(ns ?? 0)} aria-hidden="true" />
          {ns === null ? "runs" : durationText(Number(ns) / 1e6)}
        </span>
      </td>
      <td>{text("type")}</td>
      <td>{text("queue")}</td>
      <td>{text("service_name")}</td>
      <td>
        {jobId === "" ? (
          <span className="quiet">–</span>
        ) : (
          <Link href={`/jobs/${jobId}`}>{text("job_name") || jobId}</Link>
        )}
      </td>
    </tr>
  );
}

/** What became of a span, by a mark as well as by colour. */
function outcomeText(outcome: string, failed: boolean, open: boolean): string {
  if (open) return "◐ open";
  if (failed) return `✕ ${outcome || "error"}`;
  return outcome === "" ? "" : `✓ ${outcome}`;
}

function clockText(ms: number): string {
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
