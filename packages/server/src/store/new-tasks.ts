import { TaskState } from "@spanloom/protocol";
import type { Doom } from "../engine/states.ts";
import type { NewTaskGroup, NewTaskSet } from "./records.ts";
import type { TaskSpecRecord } from "./task-spec.ts";

/** What was inserted. */
export interface InsertedTasks {
  groups: number;
  tasks: number;
}

/** How many groups of a set wait for each, by index. */
export function countDependants({ groups }: NewTaskSet): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { dependsOn } of groups) {
    for (const index of dependsOn) counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return counts;
}

/** Consecutive tasks of a group with one spec: indices `from` to before `to`. */
export interface SpecRun<Spec> {
  spec: Spec;
  from: number;
  to: number;
}

/** The runs of equal specs in a group, one after another: nearly always a single one. */
export function specRuns<Spec>(group: NewTaskGroup, specs: readonly Spec[]): SpecRun<Spec>[] {
  const count = group.inputs.length;
  if (group.specs.length === 1) return [{ spec: specs[group.specs[0]!]!, from: 0, to: count }];
  const runs: SpecRun<Spec>[] = [];
  for (let from = 0; from < count; ) {
    const spec = specs[group.specs[from]!]!;
    let to = from + 1;
    while (to < count && specs[group.specs[to]!] === spec) to++;
    runs.push({ spec, from, to });
    from = to;
  }
  return runs;
}

/** When tasks that have nothing else to wait for become ready; undefined: at once. Only roots have a start time. */
export function wakeTime(nowUs: number, spec: TaskSpecRecord, startAtUs: number | undefined): number | undefined {
  const delayedUs = spec.startDelayMs === undefined ? 0 : nowUs + Math.round(spec.startDelayMs * 1000);
  const wakeUs = Math.max(startAtUs ?? 0, delayedUs);
  return wakeUs > nowUs ? wakeUs : undefined;
}

/** State of a task as it is inserted; `waits` counts what it depends on. */
export function initialState(doom: Doom, waits: number, wakeUs: number | undefined): TaskState {
  if (doom !== "none") return doom === "cancelled" ? TaskState.CANCELLED : TaskState.SKIPPED;
  if (waits > 0) return TaskState.BLOCKED;
  return wakeUs === undefined ? TaskState.QUEUED : TaskState.SCHEDULED;
}
