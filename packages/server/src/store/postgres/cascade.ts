import { TaskState } from "@spanloom/protocol";
import { assertTaskTransition, closingState } from "../../engine/states.ts";
import { childFailed, dependencyCost, spoilsParent } from "../../engine/subtree.ts";
import { noteEnded } from "../note-ended.ts";
import { type Control, flushRows } from "./control.ts";
import type { GroupWork } from "./groups.ts";
import { unblock } from "./insert-tasks.ts";

/**
 * What the end of tasks means for others: groups that waited for them, and the parents that submitted them.
 *
 * Ends are noted first and followed up by {@link runClosings}, wave by wave: what the groups of one wave touch is read
 * together, so that the end of a chain of any depth costs no more than its depth in round trips, and none when memory
 * holds its ancestors.
 */

/** Follows up all noted ends. */
export async function runClosings(control: Control): Promise<void> {
  while (control.closing.length > 0) {
    const wave = control.closing.splice(0);
    await releaseDependants(control, wave);
    await loadParents(control, wave);
    for (const group of wave) if (group.parent !== undefined) closeGroupOf(control, group.parent, group);
  }
}

async function releaseDependants(control: Control, wave: readonly GroupWork[]): Promise<void> {
  const awaited = wave.filter((group) => group.dependants > 0);
  if (awaited.length === 0) return;
  // Dependants may have been inserted by the open transaction.
  flushRows(control);
  const ready: GroupWork[] = [];
  const edges = await control.groups.dependantsOf(awaited.map(({ seq }) => seq));
  for (const { dependency, dependant } of edges) {
    const group = control.groups.get(dependency);
    dependant.waits--;
    dependant.dependencyBytes += dependencyCost(group.outputBytes, group.count);
    control.groups.touch(dependant);
    if (dependant.waits === 0) ready.push(dependant);
  }
  await control.jobs.load(ready.map(({ job }) => job));
  await unblock(control, ready);
}

async function loadParents(control: Control, wave: readonly GroupWork[]): Promise<void> {
  const missing = control.tasks.missing(wave.map(({ parent }) => parent).filter((parent) => parent !== undefined));
  if (missing.length === 0) return;
  const groups = await control.tasks.readGroups(missing);
  await control.groups.load(groups);
  const rows = await control.tasks.read(missing);
  const works = control.tasks.addRows(control.groups, rows);
  await Promise.all([
    control.specs.load(works.map(({ spec }) => spec)),
    control.jobs.load(works.map(({ job }) => job)),
  ]);
}

function closeGroupOf(control: Control, parent: number, group: GroupWork): void {
  const work = control.tasks.get(parent);
  work.openGroups = (work.openGroups ?? 0) - 1;
  work.spoiled ||= group.spoiled;
  control.tasks.touch(work, "close");
  if (work.openGroups !== 0) return;
  const job = control.jobs.get(work.job);
  const next = closingState(work.spoiled, job.doom);
  assertTaskTransition(work.state, next);
  work.state = next;
  work.endedAtUs = control.nowUs;
  if (next === TaskState.FAILED) work.failure = childFailed;
  control.tasks.touch(work, "close");
  control.jobs.move(job, TaskState.WAITING, next);
  control.changes.jobs.add(job.id);
  control.changes.tasks.add(work.taskId);
  noteEnded(control, control.groups.get(work.group), 1, spoilsParent(next, control.specs.get(work.spec).optional));
}
