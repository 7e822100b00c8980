import type { AttemptSnapshot, TaskSnapshot } from "@spanloom/sdk";
import { formatDuration } from "./duration-text.ts";
import { factsText } from "./facts-text.ts";
import { type TableStyle, textTable } from "./text-table.ts";

/** Everything a person wants to know of a task. */
export function taskText(task: TaskSnapshot, nowMs: number, style?: TableStyle): string {
  const { failure } = task;
  const facts = factsText([
    ["task", task.id],
    ["name", `${task.name}@${task.version}`],
    ["state", task.state],
    ["display", task.display],
    ["job", task.jobId],
    ["parent", task.parentId ?? ""],
    ["queue", task.queue],
    ["depends", task.dependencyCount > 0 ? `on ${task.dependencyCount} tasks` : ""],
    ["children", task.childCount > 0 ? String(task.childCount) : ""],
    ["created", task.createdAt.toISOString()],
    ["took", durationOf(task, nowMs)],
    ...task.progress.map((p): [string, string] => ["progress", `${p.label} ${p.done}${p.total ? `/${p.total}` : ""}`]),
    ["failure", failure ? `${failure.type}: ${failure.message}` : ""],
    ["input", payload(task.input)],
    ["output", payload(task.output)],
  ]);
  return task.attempts.length === 0 ? facts : `${facts}\n${attemptsText(task.attempts, nowMs, style)}`;
}

function attemptsText(attempts: readonly AttemptSnapshot[], nowMs: number, style: TableStyle | undefined): string {
  return textTable(
    attempts,
    [
      { title: "ATTEMPT", value: ({ number }) => number, right: true },
      { title: "OUTCOME", value: ({ outcome }) => outcome, state: true },
      { title: "RUNNER", value: ({ runnerId }) => runnerId },
      { title: "TOOK", value: (attempt) => durationOf(attempt, nowMs), right: true },
      {
        title: "FAILURE",
        value: ({ failure }) => (failure ? `${failure.type}: ${failure.message}` : ""),
        shrink: true,
      },
    ],
    style,
  );
}

function durationOf({ startedAt, endedAt }: { startedAt?: Date; endedAt?: Date }, nowMs: number): string {
  return startedAt ? formatDuration((endedAt?.getTime() ?? nowMs) - startedAt.getTime()) : "";
}

function payload(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value);
}
