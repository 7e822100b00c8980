import type { PathKind } from "@spanloom/query";
import { kindTexts } from "./path-parts.ts";

/** A kind of time by its colour and its name. */
export function PathKindMark({ kind }: { kind: PathKind }) {
  return (
    <span className="kind" title={kindTexts[kind]}>
      <span className={`legend-mark kind-${kind}`} aria-hidden="true" /> {kind}
    </span>
  );
}
