import { TaskState } from "@spanloom/protocol";
import { assertTaskTransition, closingState } from "../../engine/states.ts";
import { childFailed, spoilsParent } from "../../engine/subtree.ts";
import { encodeFailure } from "../cells.ts";
import { noteEnded } from "../note-ended.ts";
import { failRejected } from "./admit.ts";
import type { Control } from "./control.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { unblock } from "./insert-tasks.ts";

/**
 * What the end of tasks means for others: groups that waited for them, and the parents that submitted them.
 *
 * Ends are noted first and followed up by {@link runClosings}, a loop and not a recursion: the end of a chain of any
 * depth closes all its ancestors in one transaction.
 */

/** Follows up all noted ends. */
export function runClosings(control: Control): void {
  do {
    for (let group = control.closing.pop(); group !== undefined; group = control.closing.pop()) {
      if (group.dependants > 0) releaseDependants(control, group);
      if (group.parent !== undefined) closeGroupOf(control, group.parent, group);
    }
    failRejected(control);
  } while (control.closing.length > 0);
}

function releaseDependants(control: Control, group: GroupWork): void {
  for (const dependant of control.groups.dependantsOf(group.seq)) {
    dependant.waits--;
    control.groups.touch(dependant);
    if (dependant.waits === 0) unblock(control, dependant);
  }
}

function closeGroupOf(control: Control, parent: number, group: GroupWork): void {
  const row = control.db.row(
    `UPDATE task SET open_groups = open_groups - 1, spoiled = max(coalesce(spoiled, 0), ?) WHERE seq = ?
     RETURNING open_groups, spoiled, task_group, spec, state`,
    group.spoiled ? 1 : 0,
    parent,
  )!;
  const [openGroups, spoiled, parentGroup, spec, state] = row as number[];
  if (openGroups !== 0) return;
  const parentWork = control.groups.get(parentGroup!);
  const job = control.jobs.get(parentWork.job);
  const next = closingState(spoiled === 1, job.doom);
  assertTaskTransition(state as TaskState, next);
  control.db.run(
    "UPDATE task SET state = ?, ended_at = ?, failure = ? WHERE seq = ?",
    next,
    control.nowUs,
    next === TaskState.FAILED ? encodeFailure(childFailed) : null,
    parent,
  );
  control.jobs.move(job, TaskState.WAITING, next);
  control.changes.jobs.add(job.id);
  control.changes.tasks.add(taskIdOf(parentWork, parent));
  noteEnded(control, parentWork, 1, spoilsParent(next, control.specs.get(spec!).optional));
}
