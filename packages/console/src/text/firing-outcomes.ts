import { FiringOutcome } from "@spanloom/protocol";
import type { TaskStateText } from "./task-states.ts";

const texts: Readonly<Record<FiringOutcome, TaskStateText>> = {
  [FiringOutcome.UNSPECIFIED]: { name: "unknown", tone: "queued" },
  [FiringOutcome.SUBMITTED]: { name: "submitted", tone: "succeeded" },
  [FiringOutcome.SKIPPED]: { name: "skipped", tone: "cancelled" },
  [FiringOutcome.MISSED]: { name: "missed", tone: "blocked" },
  [FiringOutcome.FAILED]: { name: "failed", tone: "failed" },
};

/** Every outcome that a firing may have, by its name in URLs. */
export const firingOutcomes: readonly { name: string; outcome: FiringOutcome }[] = [
  FiringOutcome.SUBMITTED,
  FiringOutcome.SKIPPED,
  FiringOutcome.MISSED,
  FiringOutcome.FAILED,
].map((outcome) => ({ name: texts[outcome].name, outcome }));

/** The name of what became of a firing, and the colour it is drawn in. */
export function firingText(outcome: FiringOutcome): TaskStateText {
  return texts[outcome] ?? texts[FiringOutcome.UNSPECIFIED];
}
