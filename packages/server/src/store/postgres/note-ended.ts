import type { Control } from "./control.ts";
import type { GroupWork } from "./groups.ts";

/** Notes that tasks of a group ended; `spoils` tells whether their end keeps their parent from succeeding. */
export function noteEnded(control: Control, group: GroupWork, count: number, spoils: boolean): void {
  if (count === 0) return;
  group.open -= count;
  if (spoils) group.spoiled = true;
  control.groups.touch(group);
  if (group.open === 0) control.closing.push(group);
}
