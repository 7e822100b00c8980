import { JobState } from "@spanloom/protocol";
import { encodeTrace, encodeTrigger } from "../cells.ts";
import { createdRecord, newJobWork } from "../job-work.ts";
import type { JobTrigger, NewJob, SubmitOutcome } from "../store.ts";
import { applyForPlace } from "./admit.ts";
import { runClosings } from "./cascade.ts";
import { type Control, flushWork } from "./control.ts";
import { insertTasks } from "./insert-tasks.ts";
import type { JobWork } from "./jobs.ts";
import { readJob } from "./read-jobs.ts";

/** Submits one job, or finds the one that was submitted under its key. */
export function submitJob(control: Control, job: NewJob): SubmitOutcome {
  const earlier = job.idempotencyKey === "" ? undefined : findByKey(control, job);
  if (earlier !== undefined) return earlier;
  // Places of jobs that ended in this transaction are given to those that wait first.
  if (job.concurrency !== undefined) flushWork(control);
  if (job.concurrency !== undefined && control.jobAdmission.refuses(job.concurrency)) {
    return { kind: "rejected", key: job.concurrency.key, limit: job.concurrency.limit };
  }
  const work = insertJob(control, job);
  if (job.concurrency !== undefined) applyForPlace(control, work, job.concurrency);
  insertTasks(control, job.tasks, { job: work, parent: undefined, startAtUs: job.startAtUs, doom: "none" });
  runClosings(control);
  control.changes.addDue(job.deadlineUs);
  return { kind: "created", job: createdRecord(job, work, control.nowUs) };
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
     request_hash, trace, concurrency, set_by, trigger_type, schedule_name, trigger_name)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
    encodeTrigger(job.trigger),
    job.trigger?.type ?? null,
    sourceName(job.trigger, "schedule"),
    sourceName(job.trigger, "trigger"),
  );
  const work: JobWork = { ...newJobWork(seq, job), createdAtUs: control.nowUs };
  control.jobs.add(work);
  control.jobIndex.addTags(work, job.tags);
  return work;
}

function sourceName(trigger: JobTrigger | undefined, kind: "schedule" | "trigger"): string | null {
  const source = trigger?.source;
  return source?.kind === kind ? source.name : null;
}
