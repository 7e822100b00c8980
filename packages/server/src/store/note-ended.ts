/** What of a group tells whether it is done. */
interface EndingGroup {
  /** Tasks that have not ended. */
  open: number;
  spoiled: boolean;
}

/** The part of a store that follows up ends. */
interface EndKeeper<Group extends EndingGroup> {
  groups: { touch(group: Group): void };
  /** Groups whose last task ended in the open transaction. */
  closing: Group[];
}

/** Notes that tasks of a group ended; `spoils` tells whether their end keeps their parent from succeeding. */
export function noteEnded<Group extends EndingGroup>(
  { groups, closing }: EndKeeper<Group>,
  group: Group,
  count: number,
  spoils: boolean,
): void {
  if (count === 0) return;
  group.open -= count;
  if (spoils) group.spoiled = true;
  groups.touch(group);
  if (group.open === 0) closing.push(group);
}
