import { JobState } from "@spanloom/protocol";
import { numbers, texts } from "./bulk.ts";
import type { Control } from "./control.ts";
import { knownUuids } from "./known-uuids.ts";
import { statement } from "./statement.ts";

const projectJobs = statement(
  "project_jobs",
  `UPDATE job SET projected = true FROM unnest($1::uuid[], $2::bigint[]) AS u (id, ended_at)
   WHERE job.id = u.id AND job.ended_at = u.ended_at AND state >= ${JobState.SUCCEEDED} AND NOT projected`,
);

/** Remembers that the final spans of jobs that ended then are stored. */
export function markProjected(control: Control, ends: ReadonlyMap<string, number>): void {
  const ids = knownUuids(ends.keys());
  control.sql.send(projectJobs, [texts(ids), numbers(ids.map((id) => ends.get(id)!))]);
}
