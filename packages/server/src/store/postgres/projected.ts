import { JobState } from "@spanloom/protocol";
import { texts } from "./bulk.ts";
import type { Control } from "./control.ts";
import { knownUuids } from "./known-uuids.ts";
import { statement } from "./statement.ts";

const projectJobs = statement(
  "project_jobs",
  `UPDATE job SET projected = true WHERE id = ANY($1::uuid[]) AND state >= ${JobState.SUCCEEDED} AND NOT projected`,
);

/** Remembers that the final spans of these jobs are stored. Jobs that have not ended are left as they are. */
export function markProjected(control: Control, jobIds: readonly string[]): void {
  control.sql.send(projectJobs, [texts(knownUuids(jobIds))]);
}
