import { SpanloomError } from "@spanloom/protocol";
import type { NewJob, NewTaskGroup, NewTaskSpec } from "../store.ts";
import type { TaskSpecRecord } from "../task-spec.ts";
import type { Control } from "./control.ts";
import type { GroupWork } from "./groups.ts";
import { payloadKinds } from "./payloads.ts";
import { readJob } from "./read-jobs.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * A job's own part as it was submitted, with its roots; queues and priorities are filled in.
 *
 * A display is the one its task has now, and a deadline that a retry cleared is gone. Errors: JOB_NOT_FOUND.
 */
export function readSubmission(control: Control, jobId: string): NewJob {
  const seq = control.db.row("SELECT seq FROM job WHERE id = ?", jobId)?.[0];
  if (seq === undefined) throw new SpanloomError("JOB_NOT_FOUND", `cannot read job: no job has the id "${jobId}"`);
  const { id, name, tags, queue, priority, startAtUs, deadlineUs, trace, concurrency } = readJob(
    control,
    seq as number,
  );
  const specs: number[] = [];
  const groups = control.groups.rootsOf(seq as number);
  const position = new Map(groups.map((group, i) => [group.seq, i]));
  return {
    ...{ id, name, tags, queue, priority, trace, idempotencyKey: "", requestHash: "" },
    ...(startAtUs !== undefined && { startAtUs }),
    ...(deadlineUs !== undefined && { deadlineUs }),
    ...(concurrency !== undefined && { concurrency }),
    tasks: {
      groups: groups.map((group) => readGroup(control, group, { specs, position })),
      specs: specs.map((spec) => withoutSeq(control.specs.get(spec))),
    },
  };
}

function withoutSeq({ seq: _seq, ...spec }: TaskSpecRecord): NewTaskSpec {
  return spec;
}

/** What the groups of a submission share: its specs in the order they were met, and the place of each group. */
interface SubmissionContext {
  specs: number[];
  position: ReadonlyMap<number, number>;
}

function readGroup(control: Control, group: GroupWork, { specs, position }: SubmissionContext): NewTaskGroup {
  const rows = control.db.rows(
    `SELECT spec, display, CASE WHEN input IS NULL OR typeof(input) = 'blob' THEN input
       ELSE (SELECT bytes FROM payload WHERE payload.seq = task.seq * 4 + ${payloadKinds.input}) END
     FROM task WHERE seq BETWEEN ? AND ? ORDER BY seq`,
    group.first,
    group.first + group.count - 1,
  ) as readonly [number, string | null, Uint8Array | null][];
  const indices = rows.map(([spec]) => indexOf(specs, spec));
  const displays = rows.map(([, display]) => display ?? "");
  return {
    inputs: rows.map(([, , input]) => input ?? NO_BYTES),
    specs: indices.every((index) => index === indices[0]) ? indices.slice(0, 1) : indices,
    dependsOn: group.dependsOn.map((seq) => position.get(seq)!),
    displays: displays.every((display) => display === "") ? [] : displays,
  };
}

function indexOf(specs: number[], spec: number): number {
  const known = specs.indexOf(spec);
  return known >= 0 ? known : specs.push(spec) - 1;
}
