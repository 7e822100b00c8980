import type { ComparisonColumns } from "@spanloom/query";
import type { Table } from "apache-arrow";
import { formatNs } from "./duration-text.ts";
import { textTable } from "./text-table.ts";

/**
 * A comparison of two jobs for people: a line for each span name, what it was in the base and is in the other.
 *
 * Durations are of spans that have ended; a dash stands where none has.
 */
export function comparisonText(table: Table<ComparisonColumns>, width = Number.POSITIVE_INFINITY): string {
  const rows = [...table];
  return textTable(
    rows,
    [
      { title: "NAME", value: ({ name }) => name, shrink: true },
      { title: "CHANGE", value: ({ change }) => change },
      { title: "COUNT", value: (row) => fromTo(String(row.base_count), String(row.other_count)), right: true },
      { title: "MEAN", value: (row) => fromTo(took(row.base_mean_ns), took(row.other_mean_ns)), right: true },
      { title: "", value: (row) => percent(row.base_mean_ns, row.other_mean_ns), right: true },
      { title: "TOTAL", value: (row) => fromTo(took(row.base_sum_ns), took(row.other_sum_ns)), right: true },
      { title: "DIFFERENCE", value: (row) => (isOpen(row) ? "-" : signed(Number(row.sum_delta_ns))), right: true },
    ],
    width,
  );
}

type Sides = { base_mean_ns: number | null; other_mean_ns: number | null };

/** Whether nothing of the name has ended. */
function isOpen({ base_mean_ns: base, other_mean_ns: other }: Sides): boolean {
  return base === null && other === null;
}

/** Once when it is the same. */
function fromTo(from: string, to: string): string {
  return from === to ? from : `${from} → ${to}`;
}

function took(ns: number | bigint | null): string {
  return ns === null || ns === 0n ? "-" : formatNs(Number(ns));
}

function percent(base: number | null, other: number | null): string {
  if (base === null || other === null || base === 0) return "";
  const change = Math.round((other / base - 1) * 100);
  return change === 0 ? "" : `${change < 0 ? "" : "+"}${change} %`;
}

function signed(ns: number): string {
  if (ns === 0) return "-";
  return `${ns < 0 ? "-" : "+"}${formatNs(Math.abs(ns))}`;
}
