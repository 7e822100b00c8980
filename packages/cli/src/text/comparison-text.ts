import type { ComparisonColumns } from "@spanloom/query";
import type { Table } from "apache-arrow";
import { formatNs } from "./duration-text.ts";
import { textTable } from "./text-table.ts";

/** A comparison of two jobs for people: a line for each span name. */
export function comparisonText(table: Table<ComparisonColumns>): string {
  const rows = [...table];
  return textTable(rows, [
    { title: "NAME", value: ({ name }) => name },
    { title: "CHANGE", value: ({ change }) => change },
    { title: "COUNT", value: (row) => `${row.base_count} > ${row.other_count}`, right: true },
    { title: "MEAN", value: (row) => `${took(row.base_mean_ns)} > ${took(row.other_mean_ns)}`, right: true },
    { title: "TOTAL", value: ({ sum_delta_ns: delta }) => signed(Number(delta)), right: true },
  ]);
}

function took(ns: number | null): string {
  return ns === null ? "-" : formatNs(ns);
}

function signed(ns: number): string {
  return `${ns < 0 ? "-" : "+"}${formatNs(Math.abs(ns))}`;
}
