import { RunnerState } from "@spanloom/protocol";
import type { TaskStateText } from "./task-states.ts";

const texts: Readonly<Record<RunnerState, TaskStateText>> = {
  [RunnerState.UNSPECIFIED]: { name: "unknown", tone: "queued" },
  [RunnerState.ACTIVE]: { name: "active", tone: "succeeded" },
  [RunnerState.DRAINING]: { name: "draining", tone: "running" },
  [RunnerState.STOPPED]: { name: "stopped", tone: "cancelled" },
  [RunnerState.LOST]: { name: "lost", tone: "failed" },
};

/** The name of what a runner is doing, and the colour it is drawn in. */
export function runnerStateText(state: RunnerState): TaskStateText {
  return texts[state] ?? texts[RunnerState.UNSPECIFIED];
}
