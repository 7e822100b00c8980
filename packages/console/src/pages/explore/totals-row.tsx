import { durationText } from "../../text/duration-text.ts";
import { shareText } from "../../text/share-text.ts";
import { Figures } from "../../widgets/figures.tsx";
import type { Totals } from "./ask-explore.ts";

/** What all spans of the filter come to. */
export function TotalsRow({ totals: { count, errors, p50, p95, p99, max } }: { totals: Totals }) {
  const time = (ns: number | null) => (ns === null ? "–" : durationText(ns / 1e6));
  return (
    <Figures
      label="All spans of the filter"
      figures={[
        { name: "Spans", value: count.toLocaleString() },
        {
          name: "Errors",
          value: errors.toLocaleString(),
          ...(errors > 0 && { note: shareText(errors, count), tone: "bad" as const }),
        },
        { name: "p50", value: time(p50) },
        { name: "p95", value: time(p95) },
        { name: "p99", value: time(p99) },
        { name: "Longest", value: time(max) },
      ]}
    />
  );
}
