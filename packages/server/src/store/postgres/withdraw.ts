import type { Control } from "./control.ts";
import type { GroupWork } from "./groups.ts";
import type { TaskSpecRecord } from "./specs.ts";
import { statement } from "./statement.ts";

const overlapping = `job = $1::bigint AND bucket = $2::bigint AND gate = $3::bigint AND depth = $4::integer
  AND last >= $5::bigint AND first <= $6::bigint`;
const splitRuns = statement(
  "split_ready",
  `INSERT INTO ready (job, bucket, gate, depth, queued_at, last, first, task_group, spec)
   SELECT job, bucket, gate, depth, queued_at, $5::bigint - 1, first, task_group, spec FROM ready
   WHERE ${overlapping} AND first < $5::bigint`,
);
const cutRuns = statement(
  "cut_ready",
  `UPDATE ready SET first = $6::bigint + 1 WHERE ${overlapping} AND last > $6::bigint`,
);
const dropRuns = statement("drop_ready", `DELETE FROM ready WHERE ${overlapping} AND last <= $6::bigint`);

/** No longer offers any of the tasks `from`..`to` of a group and spec. What is on offer must have been sent. */
export async function withdrawRange(
  control: Control,
  { job, depth }: GroupWork,
  { spec, from, to }: { spec: TaskSpecRecord; from: number; to: number },
): Promise<void> {
  const values = [job, spec.bucket.seq, spec.gate?.seq ?? 0, depth, from, to];
  // What stands before the range becomes a run of its own; the rest is cut at its end, or goes.
  control.sql.send(splitRuns, values);
  control.sql.send(cutRuns, values);
  await control.sql.send(dropRuns, values);
  control.places.forgetQueued();
  if (spec.gate !== undefined) control.places.withdrawn.add(spec.gate.seq);
}
