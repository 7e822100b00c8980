import type { PathSegment } from "@spanloom/query";
import { useState } from "react";
import { Link } from "wouter";
import { durationText } from "../text/duration-text.ts";
import { shareText } from "../text/share-text.ts";
import { spanPath } from "../text/span-path.ts";
import { ShareBar } from "../widgets/share-bar.tsx";
import { TableFrame } from "../widgets/table-frame.tsx";
import { PathKindMark } from "./path-kind-mark.tsx";
import { type NamePart, partsByName, pathNs } from "./path-parts.ts";

/** Names that are shown without being asked for. */
const FIRST = 10;
/** More rows than these help nobody. */
const MOST = 500;

const heads = [
  { text: "Kind" },
  { text: "Name" },
  { text: "Share", span: 2 },
  { text: "Time", number: true },
  { text: "Steps", number: true },
  { text: "Longest", number: true },
];

/** Where the time went: the names on the path, the one that took most first. */
export function PathNames({ segments, jobId }: { segments: readonly PathSegment[]; jobId: string }) {
  const [all, setAll] = useState(false);
  const parts = partsByName(segments);
  const total = pathNs(segments);
  return (
    <>
      <h2 className="view-title">Where the time went</h2>
      <TableFrame label="Where the time went" heads={heads}>
        {parts.slice(0, all ? MOST : FIRST).map((part) => (
          <NameRow key={`${part.kind} ${part.name}`} {...{ part, total, jobId }} />
        ))}
      </TableFrame>
      {!all && parts.length > FIRST && (
        <button type="button" className="button button-quiet" onClick={() => setAll(true)}>
          Show all {parts.length.toLocaleString()} names
        </button>
      )}
    </>
  );
}

function NameRow({ part, total, jobId }: { part: NamePart; total: number; jobId: string }) {
  const { kind, name, ns, steps, longest } = part;
  return (
    <tr>
      <td>
        <PathKindMark kind={kind} />
      </td>
      <td className="name-cell" title={name}>
        {name}
      </td>
      <td className="wide">
        <ShareBar kind={kind} part={ns / total} />
      </td>
      <td className="number">{shareText(ns, total)}</td>
      <td className="number">{durationText(ns / 1e6)}</td>
      <td className="number">{steps.toLocaleString()}</td>
      <td className="number">
        <Link href={spanPath(jobId, longest.spanId)} title="See it in the waterfall">
          {durationText(longest.durationNs / 1e6)}
        </Link>
      </td>
    </tr>
  );
}
