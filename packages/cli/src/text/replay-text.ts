import type { ReplayOutcome } from "../replay/replay-outcome.ts";
import { formatDuration } from "./duration-text.ts";
import { factsText } from "./facts-text.ts";
import { manyLines } from "./text-table.ts";

/** What became of a task that was run again, for people; the stack of what it threw below. */
export function replayText(replayed: ReplayOutcome): string {
  const { failure, output, children, sameOutput } = replayed;
  const facts = factsText([
    ["task", replayed.taskId],
    ["name", replayed.task],
    ["outcome", replayed.outcome],
    ["took", formatDuration(replayed.durationMs)],
    ["children", children.map(({ task, count }) => `${count} ${task}`).join(", ")],
    ["failure", failure ? `${failure.type}: ${failure.message}` : ""],
    ["output", output === null ? "" : JSON.stringify(output)],
    ["recorded", sameOutput === null ? "" : sameOutput ? "the same output" : "another output"],
  ]);
  return failure?.stack ? `${facts}\n${manyLines(failure.stack.trimEnd())}\n` : facts;
}
