import { present } from "../../present.ts";
import type { NewJob, NewTaskGroup, NewTaskSpec } from "../store.ts";
import type { StoredSpec } from "./immutable-rows.ts";
import type { ReadContext } from "./read-context.ts";
import { readJobs } from "./read-jobs.ts";
import type { SqlRow } from "./read-pool.ts";
import { existingJob } from "./read-tasks.ts";
import { statement } from "./statement.ts";

const rootTasks = statement(
  "root_tasks",
  `SELECT g.seq, g.depends_on, t.spec, t.display, t.input FROM task_group g CROSS JOIN LATERAL
     (SELECT seq, spec, display, input FROM task WHERE seq BETWEEN g.first AND g.first + g.count - 1) t
   WHERE g.job = $1 AND g.parent IS NULL ORDER BY g.seq, t.seq`,
);

/**
 * A job's own part as it was submitted, with its roots; queues and priorities are filled in.
 *
 * A display is the one its task has now, and a deadline that a retry cleared is gone. Errors: JOB_NOT_FOUND.
 */
export function readSubmission({ pool, known }: ReadContext, jobId: string): Promise<NewJob> {
  return pool.snapshot(async (reader) => {
    const seq = await existingJob(reader, jobId);
    const [[job], rows] = await Promise.all([readJobs(reader, [jobId]), reader.rows(rootTasks, seq)]);
    const specs = await known.specs(
      reader,
      rows.map(([, , spec]) => spec as number),
    );
    const { id, name, tags, queue, priority, trace, startAtUs, deadlineUs, concurrency } = job!;
    return {
      ...{ id, name, tags, queue, priority, trace, idempotencyKey: "", requestHash: "" },
      ...present({ startAtUs, deadlineUs, concurrency }),
      tasks: toTaskSet(rows, specs),
    };
  });
}

function toTaskSet(rows: readonly SqlRow[], known: ReadonlyMap<number, StoredSpec>): NewJob["tasks"] {
  const groups = [...Map.groupBy(rows, ([group]) => group as number).values()];
  const position = new Map(groups.map((group, i) => [group[0]![0] as number, i]));
  const specs = new Map<number, number>();
  for (const [, , spec] of rows) if (!specs.has(spec as number)) specs.set(spec as number, specs.size);
  return {
    groups: groups.map((group) => toGroup(group, specs, position)),
    specs: [...specs.keys()].map((seq) => known.get(seq) as NewTaskSpec),
  };
}

function toGroup(
  rows: readonly SqlRow[],
  specs: ReadonlyMap<number, number>,
  position: ReadonlyMap<number, number>,
): NewTaskGroup {
  const dependsOn = (rows[0]![1] as readonly number[] | null) ?? [];
  const indices = rows.map(([, , spec]) => specs.get(spec as number)!);
  const displays = rows.map(([, , , display]) => (display as string | null) ?? "");
  return {
    inputs: rows.map((row) => (row[4] as Uint8Array | null) ?? NO_BYTES),
    specs: indices.every((index) => index === indices[0]) ? indices.slice(0, 1) : indices,
    dependsOn: dependsOn.map((seq) => position.get(seq)!),
    displays: displays.every((display) => display === "") ? [] : displays,
  };
}

const NO_BYTES = new Uint8Array(0);
