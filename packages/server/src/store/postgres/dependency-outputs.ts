import { AttemptOutcome, SpanloomError, TaskState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import { ENTRY_BYTES } from "../../engine/subtree.ts";
import { present } from "../../present.ts";
import { decodeFailure } from "../cells.ts";
import type { DependencyRecord, Store } from "../store.ts";
import type { ReadContext } from "./read-context.ts";
import type { Reader } from "./read-pool.ts";
import { statement } from "./statement.ts";
import { findTasks, type GroupRow, readGroups, taskIdOf } from "./task-groups.ts";

type Lease = Parameters<Store["dependencyOutputs"]>[0];
type Range = Parameters<Store["dependencyOutputs"]>[1];

const leaseOfTask = statement("lease_of_task", "SELECT task_group, state, attempt, token FROM task WHERE seq = $1");

/** Ranges of tasks, as far as their outputs fit together; the first entry always does. */
const outputsOfRanges = statement(
  "dependency_outputs",
  `SELECT place, seq, spec, state, failure, output FROM (
     SELECT r.place, t.seq, t.spec, t.state, t.failure,
       CASE WHEN t.state = ${TaskState.SUCCEEDED} AND t.outcome = ${AttemptOutcome.SUCCESS} THEN t.output END AS output,
       row_number() OVER w AS entry,
       sum(${ENTRY_BYTES} + CASE WHEN t.state = ${TaskState.SUCCEEDED} AND t.outcome = ${AttemptOutcome.SUCCESS}
         THEN coalesce(octet_length(t.output), 0) ELSE 0 END) OVER w AS bytes
     FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS r (first, last, place)
     CROSS JOIN LATERAL
       (SELECT seq, spec, state, outcome, failure, output FROM task WHERE seq BETWEEN r.first AND r.last) t
     WINDOW w AS (ORDER BY r.place, t.seq ROWS UNBOUNDED PRECEDING)
   ) entries WHERE entry = 1 OR bytes <= $3 ORDER BY entry`,
);

/** A page of the outputs of a leased task's dependencies. Errors: STALE_LEASE. */
export function dependencyOutputs(
  context: ReadContext,
  lease: Lease,
  range: Range,
): Promise<{ dependencies: readonly DependencyRecord[]; nextOffset: number | undefined }> {
  return context.pool.snapshot(async (reader) => {
    const groups = await dependenciesOf(reader, lease);
    const total = groups.reduce((sum, { count }) => sum + count, 0);
    const ranges = cut(groups, range.offset, Math.min(total, range.offset + range.limit));
    const firsts = ranges.map(({ first }) => first);
    const lasts = ranges.map(({ last }) => last);
    const rows = ranges.length === 0 ? [] : await reader.rows(outputsOfRanges, firsts, lasts, range.maxBytes);
    const specs = await context.known.specs(
      reader,
      rows.map(([, , spec]) => spec as number),
    );
    const dependencies = rows.map(([place, seq, spec, state, failure, output]): DependencyRecord => {
      const { group } = ranges[(place as number) - 1]!;
      return {
        taskId: taskIdOf(group, seq as number),
        name: specs.get(spec as number)!.name,
        state: state as TaskState,
        output: (output as Uint8Array | null) ?? NO_BYTES,
        ...present({ failure: decodeFailure(failure as string | null) }),
      };
    });
    const end = range.offset + dependencies.length;
    return { dependencies, nextOffset: end < total ? end : undefined };
  });
}

const NO_BYTES = new Uint8Array(0);

/** Groups the leased task waited for, in order. Errors: STALE_LEASE. */
async function dependenciesOf(reader: Reader, { taskId, attempt, token }: Lease): Promise<readonly GroupRow[]> {
  const [place] = await findTasks(reader, [taskId]);
  const [row] = place === undefined ? [] : await reader.rows(leaseOfTask, place.seq);
  const [group, state, holder, held] = row ?? [];
  if (state !== TaskState.RUNNING || holder !== attempt || !sameToken(held as Uint8Array, token)) {
    const message = `cannot read dependencies of task ${taskId}: attempt ${attempt} does not hold its lease`;
    throw new SpanloomError("STALE_LEASE", message);
  }
  const { dependsOn } = (await readGroups(reader, [group as number])).get(group as number)!;
  const groups = await readGroups(reader, dependsOn);
  return dependsOn.map((seq) => groups.get(seq)!);
}

/** Part of a group's tasks, by row. */
interface TaskRange {
  group: GroupRow;
  first: number;
  last: number;
}

/** The tasks of groups from one index to another, `to` excluded. */
function cut(groups: readonly GroupRow[], from: number, to: number): readonly TaskRange[] {
  const ranges: TaskRange[] = [];
  let passed = 0;
  for (const group of groups) {
    const start = Math.max(0, from - passed);
    const end = Math.min(group.count, to - passed);
    if (start < end) ranges.push({ group, first: group.first + start, last: group.first + end - 1 });
    passed += group.count;
  }
  return ranges;
}
