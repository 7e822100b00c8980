import { IdGenerator } from "@spanloom/protocol";
import { JobAdmission } from "../../engine/job-admission.ts";
import { ReadyQueue } from "../../engine/ready-queue.ts";
import { Changes } from "../changes.ts";
import type { ControlOptions } from "../control-options.ts";
import { WorkCounts } from "../work-counts.ts";
import { letIn, type RejectedRun, writeWindows } from "./admit.ts";
import type { Database } from "./database.ts";
import { GroupTable, type GroupWork } from "./groups.ts";
import { JobIndex } from "./job-index.ts";
import { JobTable } from "./jobs.ts";
import { RunnerTable } from "./runner-table.ts";
import { RunningAttempts } from "./running-attempts.ts";
import { SpecTable } from "./specs.ts";
import { TriggerTables } from "./triggers/trigger-tables.ts";
import { writeJobEvents } from "./triggers/write-job-events.ts";

/**
 * Everything the store's operations share. One transaction at a time works on it.
 *
 * I1. `ready` and `running` always equal what a scan of the record would find; after a rollback they are read anew.
 */
export interface Control {
  readonly db: Database;
  readonly options: ControlOptions;
  /** When the store was opened. */
  readonly openedAtUs: number;
  readonly specs: SpecTable;
  readonly jobs: JobTable;
  readonly groups: GroupTable;
  readonly runners: RunnerTable;
  readonly jobIndex: JobIndex;
  readonly ready: ReadyQueue;
  /** Places of jobs under concurrency keys of their own. */
  readonly jobAdmission: JobAdmission;
  readonly running: RunningAttempts;
  readonly triggers: TriggerTables;
  readonly ids: IdGenerator;
  /** Groups whose last task ended in the open transaction and whose dependants and parents do not know yet. */
  readonly closing: GroupWork[];
  /** Tasks that became ready in the open transaction when all places under their key were taken. */
  readonly rejected: RejectedRun[];
  /** What jobs and tasks go through in the open transaction. */
  readonly counts: WorkCounts;
  /** Of the open transaction. */
  changes: Changes;
  /** Time of the open transaction. */
  nowUs: number;
}

/** The control plane over an open database. */
export function newControl(db: Database, options: ControlOptions, counts = new WorkCounts()): Control {
  const control: Control = {
    db,
    options,
    openedAtUs: options.nowUs(),
    specs: new SpecTable(db),
    jobs: new JobTable(db, counts),
    groups: new GroupTable(db),
    runners: new RunnerTable(db),
    jobIndex: new JobIndex(db),
    ready: new ReadyQueue((queue, tasks) => control.changes.addReady(queue, tasks)),
    jobAdmission: new JobAdmission(),
    running: new RunningAttempts(),
    triggers: new TriggerTables(db),
    ids: new IdGenerator(() => options.nowUs() / 1000),
    counts,
    closing: [],
    rejected: [],
    changes: new Changes(),
    nowUs: 0,
  };
  return control;
}

/** Writes the jobs and groups that the open transaction changed. Only between operations: within one, a job's state may
 * follow from counters that are half changed. */
export function flushWork(control: Control): void {
  const flushed = control.jobs.flush(control.nowUs);
  if (control.triggers.wantsJobEvents) writeJobEvents(control, flushed);
  for (const job of flushed.ended) {
    control.changes.ended.add(job.id);
    control.counts.jobEnded(job.state);
    for (const next of control.jobAdmission.leave(job.seq)) letIn(control, next);
  }
  writeWindows(control);
  control.groups.flush();
  control.jobIndex.flush();
}
