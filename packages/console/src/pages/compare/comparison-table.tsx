import { useState } from "react";
import { Link } from "wouter";
import { durationText } from "../../text/duration-text.ts";
import {
  type CompareMeasure,
  type CompareOrder,
  type CompareView,
  changeOf,
  compareMeasures,
  differenceOf,
  ratioOf,
  shownRows,
} from "./compare-view.ts";
import type { Change, Comparison, ComparisonRow } from "./comparison-rows.ts";
import { ratioText, signedText } from "./signed-text.ts";

interface ComparisonTableProps {
  baseId: string;
  otherId: string;
  comparison: Comparison;
  view: CompareView;
  onShow: (change: Partial<CompareView>) => void;
}

/** Rows that are drawn at first, and how many times as many when more are asked for. */
const FIRST = 100;

/** A row for each name of a span. */
export function ComparisonTable({ baseId, otherId, comparison, view, onShow }: ComparisonTableProps) {
  const [most, setMost] = useState(FIRST);
  const rows = shownRows(comparison.rows, view);
  if (rows.length === 0) return <p className="quiet padded">No name is like that.</p>;
  const shown = rows.slice(0, most);
  const widest = Math.max(
    1,
    ...rows.map(({ base, other }) => Math.max(base[view.measure] ?? 0, other[view.measure] ?? 0)),
  );
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys. */}
      <section className="table-frame" aria-label="Comparison by name" tabIndex={0}>
        <table className="table">
          <Head view={view} onShow={onShow} />
          <tbody>
            {shown.map((row) => (
              <Row
                key={row.name}
                row={row}
                jobId={row.other.count > 0 ? otherId : baseId}
                measure={view.measure}
                widest={widest}
              />
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > most && (
        <button type="button" className="button button-quiet" onClick={() => setMost(most * 4)}>
          Show more of {rows.length.toLocaleString()} names
        </button>
      )}
      {comparison.names > comparison.rows.length && (
        <p className="quiet padded">
          The {comparison.rows.length.toLocaleString()} names that changed most, of {comparison.names.toLocaleString()};{" "}
          <code>spanloom compare --json</code> gives all of them.
        </p>
      )}
    </>
  );
}

function Head({ view, onShow }: Pick<ComparisonTableProps, "view" | "onShow">) {
  const measure = compareMeasures.find(({ name }) => name === view.measure)!.text;
  const order = (text: string, by: CompareOrder, number = true) => (
    <th
      scope="col"
      className={number ? "number" : undefined}
      aria-sort={view.order === by ? (by === "name" ? "ascending" : "descending") : undefined}
    >
      <button type="button" className="sort" onClick={() => onShow({ order: by })}>
        {text}
        <span aria-hidden="true">{view.order === by ? (by === "name" ? " ▴" : " ▾") : ""}</span>
      </button>
    </th>
  );
  return (
    <thead>
      <tr>
        {order("Name", "name", false)}
        <th scope="col">Change</th>
        {order("Spans", "count")}
        {order("Failed", "errors")}
        <th scope="col" className="number">
          Base {measure}
        </th>
        <th scope="col" className="number">
          Other {measure}
        </th>
        <th scope="col">Base, other</th>
        {order("Difference", "difference")}
        {order("%", "percent")}
      </tr>
    </thead>
  );
}

const marks: Readonly<Record<Change, string>> = {
  slower: "▲",
  faster: "▼",
  same: "=",
  appeared: "+",
  vanished: "−",
  open: "…",
};

interface RowProps {
  row: ComparisonRow;
  /** A job that has spans of the name. */
  jobId: string;
  measure: CompareMeasure;
  widest: number;
}

function Row({ row, jobId, measure, widest }: RowProps) {
  const { name, base, other } = row;
  const change = changeOf(row, measure);
  const difference = differenceOf(row, measure);
  const tone = {
    slower: "slower",
    appeared: "slower",
    faster: "faster",
    vanished: "faster",
    same: "quiet",
    open: "quiet",
  }[change];
  return (
    <tr>
      <td className="name-cell">
        <Link href={spansOfName(jobId, name)} className="row-link" title={`${name}: see its spans`}>
          {name}
        </Link>
      </td>
      <td>
        <span className={`change change-${change}`}>
          <span aria-hidden="true">{marks[change]}</span> {change}
        </span>
      </td>
      <td className="number">{fromTo(base.count, other.count)}</td>
      <td className={other.errors > base.errors ? "number slower" : "number"}>
        {base.errors + other.errors === 0 ? "" : fromTo(base.errors, other.errors)}
      </td>
      <td className="number">{nsText(base[measure], base.count)}</td>
      <td className="number">{nsText(other[measure], other.count)}</td>
      <td className="wide">
        <span className="pair-bar" aria-hidden="true">
          <span className="side-base" style={{ width: `${((base[measure] ?? 0) / widest) * 100}%` }} />
          <span className="side-other" style={{ width: `${((other[measure] ?? 0) / widest) * 100}%` }} />
        </span>
      </td>
      <td className={`number ${tone}`}>{signedText(difference, durationText(Math.abs(difference) / 1e6))}</td>
      <td className={`number ${tone}`}>{ratioText(ratioOf(row, measure))}</td>
    </tr>
  );
}

/** A job's waterfall, searched for a name. */
function spansOfName(jobId: string, name: string): string {
  return `/jobs/${encodeURIComponent(jobId)}/waterfall?find=${encodeURIComponent(name)}`;
}

/** Once when it is the same. */
function fromTo(from: number, to: number): string {
  return from === to ? from.toLocaleString() : `${from.toLocaleString()} → ${to.toLocaleString()}`;
}

function nsText(ns: number | undefined, count: number): string {
  if (count === 0) return "–";
  return ns === undefined ? "open" : durationText(ns / 1e6);
}
