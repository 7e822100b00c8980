import type { PathSegment } from "@spanloom/query";
import { useState } from "react";
import { Link } from "wouter";
import { durationText } from "../text/duration-text.ts";
import { shortId } from "../text/short-id.ts";
import { spanPath } from "../text/span-path.ts";
import { ShareBar } from "../widgets/share-bar.tsx";
import { TableFrame } from "../widgets/table-frame.tsx";
import { PathKindMark } from "./path-kind-mark.tsx";
import { longestSteps, type PathStep, pathNs } from "./path-parts.ts";

/** Steps that are shown at first, and how many more at a time. */
const STEPS = 50;

const heads = [
  { text: "From", number: true },
  { text: "Kind" },
  { text: "Span" },
  { text: "When" },
  { text: "Queue" },
  { text: "Runner" },
  { text: "Time", number: true },
];

/** The path step by step, in order of time; of many steps the longest. */
export function PathSteps({ segments, jobId }: { segments: readonly PathSegment[]; jobId: string }) {
  const [most, setMost] = useState(STEPS);
  const total = pathNs(segments);
  return (
    <>
      <h2 className="view-title">Step by step</h2>
      <TableFrame label="Step by step" heads={heads}>
        {longestSteps(segments, most).map((step) => (
          <StepRow key={step.fromNs} {...{ step, total, jobId }} />
        ))}
      </TableFrame>
      {segments.length > most && (
        <button type="button" className="button button-quiet" onClick={() => setMost(most * 4)}>
          Show more of {segments.length.toLocaleString()} steps
        </button>
      )}
    </>
  );
}

function StepRow({ step, total, jobId }: { step: PathStep; total: number; jobId: string }) {
  if ("hidden" in step) {
    return (
      <tr className="quiet">
        <td className="number">+{durationText(step.fromNs / 1e6)}</td>
        <td colSpan={5}>… {step.hidden.toLocaleString()} shorter</td>
        <td className="number">{durationText(step.ns / 1e6)}</td>
      </tr>
    );
  }
  const { kind, name, attempt = 1, depth, durationNs, outcome, queue, runnerId, spanId } = step.segment;
  const failed = kind === "running" && (outcome === "failure" || outcome === "timeout" || outcome === "lost");
  return (
    <tr>
      <td className="number quiet">+{durationText(step.fromNs / 1e6)}</td>
      <td>
        <PathKindMark kind={kind} />
      </td>
      <td className="name-cell" style={{ paddingInlineStart: `${0.75 + Math.min(depth, 12) * 0.8}rem` }}>
        <Link href={spanPath(jobId, spanId)} className="row-link" title={name}>
          {name}
          {attempt > 1 && ` #${attempt}`}
        </Link>
        {failed && <span className="span-failed">{outcome}</span>}
      </td>
      <td className="wide">
        <ShareBar kind={kind} from={step.fromNs / total} part={durationNs / total} />
      </td>
      <td>{queue}</td>
      <td className="mono quiet" title={runnerId}>
        {shortId(runnerId)}
      </td>
      <td className="number">{durationText(durationNs / 1e6)}</td>
    </tr>
  );
}
