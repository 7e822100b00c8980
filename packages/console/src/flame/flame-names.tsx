import type { Job } from "@spanloom/protocol";
import { useState } from "react";
import { Link } from "wouter";
import { durationText } from "../text/duration-text.ts";
import { shareText } from "../text/share-text.ts";
import { spanPath } from "../text/span-path.ts";
import { ShareBar } from "../widgets/share-bar.tsx";
import { type ColumnHead, TableFrame } from "../widgets/table-frame.tsx";
import type { FlameDrawing } from "./flame-session.ts";
import { isWaiting } from "./flame-weights.ts";

interface FlameNamesProps {
  job: Job;
  drawing: FlameDrawing;
  withWaits: boolean;
  /** By number of a name, whether it is what is looked for; undefined when nothing is. */
  found: readonly boolean[] | undefined;
  onFind: (name: string) => void;
}

/** Names that are listed at first. */
const FIRST = 15;

/** What each name took itself, wherever it is. */
export function FlameNames({ job, drawing, withWaits, found, onFind }: FlameNamesProps) {
  const [all, setAll] = useState(false);
  const counted = drawing.sums.filter(({ type }) => withWaits || !isWaiting(type));
  const sums = counted.filter(({ name }) => !found || found[name]);
  const whole = counted.reduce((sum, { self }) => sum + self, 0);
  if (sums.length === 0) return <p className="quiet padded">No name has this in it.</p>;
  return (
    <>
      <h2 className="view-title">By name</h2>
      <TableFrame label="By name" heads={headsOf(withWaits)}>
        {sums.slice(0, all ? sums.length : FIRST).map((sum) => (
          <tr key={sum.name}>
            <td className="name-cell" title={drawing.names[sum.name]}>
              <button type="button" className="sort" onClick={() => onFind(drawing.names[sum.name] ?? "")}>
                {drawing.names[sum.name]}
              </button>
            </td>
            <td className="number">{sum.spans.toLocaleString()}</td>
            <td className={sum.errors > 0 ? "number slower" : "number"}>
              {sum.errors > 0 && sum.errors.toLocaleString()}
            </td>
            <td className="wide">
              <ShareBar kind={isWaiting(sum.type) ? "queued" : "running"} part={sum.self / (whole || 1)} />
            </td>
            <td className="number">{shareText(sum.self, whole)}</td>
            <td className="number">{durationText(sum.self / 1e6)}</td>
            <td className="number">{durationText(sum.total / 1e6)}</td>
            <td className="number">{durationText(sum.total / sum.spans / 1e6)}</td>
            <td className="number">
              <Link href={spanPath(job.id, sum.longestId)} title="See it in the waterfall">
                {durationText(sum.longest / 1e6)}
              </Link>
            </td>
          </tr>
        ))}
      </TableFrame>
      {!all && sums.length > FIRST && (
        <button type="button" className="button button-quiet" onClick={() => setAll(true)}>
          Show all {sums.length.toLocaleString()} names
        </button>
      )}
    </>
  );
}

function headsOf(withWaits: boolean): ColumnHead[] {
  return [
    { text: "Name" },
    { text: "Spans", number: true },
    { text: "Failed", number: true },
    { text: withWaits ? "Self time and waiting" : "Self time", span: 3 },
    { text: "Total", number: true },
    { text: "Mean", number: true },
    { text: "Longest", number: true },
  ];
}
