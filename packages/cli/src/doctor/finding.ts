/** How a check went; `skipped` when what it needs is not there. */
export type CheckState = "ok" | "warning" | "failed" | "skipped";

/** What one check found. */
export interface Finding {
  /** Short name of the check; programs may rely on it. */
  name: string;
  state: CheckState;
  message: string;
  /** What to do next; empty when there is nothing to do. */
  hint: string;
}

/** What `doctor --json` prints. */
export interface Report {
  /** Whether no check failed. */
  ok: boolean;
  /** The server that was asked. */
  url: string;
  checks: Finding[];
}

/** A finding that says what is so. */
export function finding(name: string, state: CheckState, message: string, hint = ""): Finding {
  return { name, state, message, hint };
}
