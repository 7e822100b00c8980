import type { JobState } from "@spanloom/protocol";
import { jobStateName } from "../text/job-states.ts";

/** A job's state: a mark of its own shape and colour, so that it is not told by colour alone, and its name. */
export function StateBadge({ state }: { state: JobState }) {
  const name = jobStateName(state);
  return (
    <span className={`badge state-${name}`}>
      <span className="badge-mark" aria-hidden="true">
        {marks[name]}
      </span>
      {name}
    </span>
  );
}

const marks = { queued: "○", running: "◐", cancelling: "◌", succeeded: "✓", failed: "✕", cancelled: "–" } as const;
