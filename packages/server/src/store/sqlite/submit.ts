import { JobState, TaskState } from "@spanloom/protocol";
import type { JobRecord, NewJob, SubmitOutcome } from "../store.ts";
import { applyForPlace } from "./admit.ts";
import { runClosings } from "./cascade.ts";
import { type Control, flushWork } from "./control.ts";
import { insertTasks } from "./insert-tasks.ts";
import type { JobWork } from "./jobs.ts";
import { readJob, toCounters } from "./read-jobs.ts";
import { encodeTrace } from "./row.ts";

/** Submits one job, or finds the one that was submitted under its key. */
export function submitJob(control: Control, job: NewJob): SubmitOutcome {
  const earlier = job.idempotencyKey === "" ? undefined : findByKey(control, job);
  if (earlier !== undefined) return earlier;
  if (job.concurrency !== undefined && control.jobAdmission.refuses(job.concurrency)) {
    return { kind: "rejected", key: job.concurrency.key, limit: job.concurrency.limit };
  }
  const work = insertJob(control, job);
  if (job.concurrency !== undefined) applyForPlace(control, work, job.concurrency);
  insertTasks(control, job.tasks, { job: work, parent: undefined, startAtUs: job.startAtUs, doom: "none" });
  runClosings(control);
  control.changes.addDue(job.deadlineUs);
  return { kind: "created", job: toRecord(job, work, control.nowUs) };
}

function findByKey(control: Control, job: NewJob): SubmitOutcome | undefined {
  const row = control.db.row("SELECT seq, id, request_hash FROM job WHERE idempotency_key = ?", job.idempotencyKey);
  if (row === undefined) return undefined;
  const [seq, id, hash] = row as [number, string, string];
  if (hash !== job.requestHash) return { kind: "conflict", jobId: id };
  // Counters of a job touched earlier in this transaction are still in memory alone.
  flushWork(control);
  return { kind: "existed", job: readJob(control, seq) };
}

function insertJob(control: Control, job: NewJob): JobWork {
  const seq = control.jobs.newSeq();
  control.db.run(
    `INSERT INTO job (seq, id, name, state, tags, queue, priority, created_at, start_at, deadline_at, idempotency_key,
     request_hash, trace, concurrency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    seq,
    job.id,
    job.name,
    JobState.QUEUED,
    Object.keys(job.tags).length === 0 ? null : JSON.stringify(job.tags),
    job.queue,
    job.priority,
    control.nowUs,
    job.startAtUs ?? null,
    job.deadlineUs ?? null,
    job.idempotencyKey || null,
    job.requestHash || null,
    encodeTrace(job.trace),
    job.concurrency === undefined ? null : JSON.stringify(job.concurrency),
  );
  const work: JobWork = {
    seq,
    id: job.id,
    name: job.name,
    queue: job.queue,
    priority: job.priority,
    trace: job.trace,
    createdAtUs: control.nowUs,
    deadlineUs: job.deadlineUs,
    state: JobState.QUEUED,
    doom: "none",
    startedAtUs: undefined,
    endedAtUs: undefined,
    attempts: 0,
    counts: Array.from({ length: TaskState.SKIPPED + 1 }, () => 0),
    failure: undefined,
    failedTaskId: undefined,
    cancelReason: undefined,
    progress: new Map(),
  };
  control.jobs.add(work);
  control.jobIndex.addTags(work, job.tags);
  return work;
}

function toRecord(job: NewJob, work: JobWork, createdAtUs: number): JobRecord {
  const { id, name, tags, queue, priority, startAtUs, deadlineUs, idempotencyKey, trace } = job;
  return {
    ...{ id, name, tags, queue, priority, idempotencyKey, trace, createdAtUs },
    state: JobState.QUEUED,
    counts: toCounters(work.counts),
    attempts: 0,
    progress: [],
    ...(startAtUs !== undefined && { startAtUs }),
    ...(deadlineUs !== undefined && { deadlineUs }),
    ...(job.concurrency !== undefined && { concurrency: job.concurrency }),
  };
}
