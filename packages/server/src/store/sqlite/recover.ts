import { CancellationReason, JobState, TaskState } from "@spanloom/protocol";
import { attemptDeadlineUs } from "../../engine/lease.ts";
import { decodeProgress } from "../cells.ts";
import { Changes } from "../changes.ts";
import { displaceAll, loadAdmission } from "./admit.ts";
import type { Control } from "./control.ts";
import type { SqlRow } from "./database.ts";
import { loadReady, stopAttempt } from "./doom.ts";
import { taskIdOf } from "./groups.ts";

/**
 * Reads everything held in memory anew from the record: at start and after a rollback.
 *
 * Running attempts get a whole lease from now on, as the extensions their runners were promised were never written;
 * attempts that were told to stop get a whole grace period.
 */
export function recover(control: Control): void {
  control.nowUs = control.options.nowUs();
  control.changes = new Changes();
  control.closing.length = 0;
  control.rejected.length = 0;
  control.running.clear();
  control.ready.clear();
  control.jobAdmission.clear();
  control.specs.reload();
  control.jobs.reload();
  control.groups.reload();
  control.runners.reload();
  control.jobIndex.reload();
  control.triggers.reload();
  loadAdmission(control);
  loadReady(control);
  loadRunning(control);
  displaceAll(control);
}

function loadRunning(control: Control): void {
  const rows = control.db.rows(
    `SELECT t.seq, t.task_group, t.spec, t.attempt, t.counted, t.losses, t.runner, t.leased_at, t.lease_ms, t.queued_at,
     t.backoff_us, t.doomed, t.token, t.progress FROM job j
     CROSS JOIN task_group g ON g.job = j.seq AND g.open > 0
     CROSS JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1 AND t.state = ${TaskState.RUNNING}
     WHERE j.state < ${JobState.SUCCEEDED} ORDER BY t.leased_at, t.seq`,
  );
  for (const row of rows) loadAttempt(control, row);
}

function loadAttempt(control: Control, row: SqlRow): void {
  const [seq, groupSeq, specSeq, attempt, counted, losses, runner, leasedAt, leaseMs, queuedAt, backoff] =
    row as number[];
  const group = control.groups.get(groupSeq!);
  const job = control.jobs.get(group.job);
  const spec = control.specs.get(specSeq!);
  const work = {
    seq: seq!,
    taskId: taskIdOf(group, seq!),
    group: group.seq,
    job: job.seq,
    spec,
    attempt: attempt!,
    counted: counted!,
    losses: losses!,
    token: row[12] as Uint8Array,
    runner: control.runners.bySeq(runner!),
    leasedAtUs: leasedAt!,
    queuedAtUs: queuedAt ?? group.unblockedAtUs ?? group.createdAtUs,
    backoffUs: backoff ?? 0,
    deadlineUs: attemptDeadlineUs(leasedAt!, spec.attemptTimeoutMs, job.deadlineUs),
    expiresAtUs: control.nowUs + leaseMs! * 1000,
    progress: decodeProgress(row[13]!),
    stop: undefined,
    fenceAtUs: undefined,
    doomed: row[11] === 1,
  };
  control.running.add(work);
  if (spec.gate !== undefined) control.ready.admission.resume(spec.gate);
  control.changes.addDue(work.expiresAtUs);
  if (job.doom === "cancelled") stopAttempt(control, work, CancellationReason.JOB_CANCELLED);
  else if (job.doom === "failed" || work.doomed) stopAttempt(control, work, CancellationReason.JOB_FAILED);
}
