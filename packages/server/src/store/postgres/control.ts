import { IdGenerator, TaskState } from "@spanloom/protocol";
import { Changes } from "../changes.ts";
import type { ControlOptions } from "../control-options.ts";
import { WorkCounts } from "../work-counts.ts";
import type { SpecRun } from "./admit.ts";
import type { ClaimWork } from "./claim.ts";
import type { Sweep } from "./doom.ts";
import { GroupTable, type GroupWork } from "./groups.ts";
import { JobPlaceTable } from "./job-place-table.ts";
import { type EarlierJobs, JobTable } from "./jobs.ts";
import { PlaceTable } from "./places.ts";
import { ReadyTable } from "./ready-table.ts";
import { RunnerTable } from "./runner-table.ts";
import { SequenceNumbers } from "./sequence-numbers.ts";
import { SpecTable } from "./specs.ts";
import { TaskTable } from "./tasks.ts";
import { noteJobEvents } from "./triggers/job-events.ts";
import { TriggerTable } from "./triggers/trigger-table.ts";
import type { Writer } from "./writer.ts";

/**
 * Everything the store's writing operations share. One transaction at a time works on it.
 *
 * Rows are read once, changed in memory and written together (write-behind). What memory holds equals the record as long
 * as nobody else writes, which the epoch tells.
 *
 * I1. Between transactions every row in memory equals the record at `epoch`; when it has moved on, all of it is dropped.
 * I2. A statement that scans the record is sent after {@link flushRows}, in the same round trip.
 */
export interface Control {
  readonly sql: Writer;
  readonly options: ControlOptions;
  readonly numbers: SequenceNumbers;
  readonly specs: SpecTable;
  readonly jobs: JobTable;
  readonly groups: GroupTable;
  readonly tasks: TaskTable;
  readonly runners: RunnerTable;
  readonly ready: ReadyTable;
  readonly places: PlaceTable;
  readonly jobPlaces: JobPlaceTable;
  readonly triggers: TriggerTable;
  readonly ids: IdGenerator;
  /** Groups whose last task ended in the open transaction and whose dependants and parents do not know yet. */
  readonly closing: GroupWork[];
  /** Jobs and subtrees whose unstarted tasks are to end. */
  readonly sweeps: Sweep[];
  /** Tasks that their key refuses a place. */
  readonly rejected: SpecRun[];
  /** Claims of the open round, served after everything else. */
  readonly claims: ClaimWork[];
  /** Jobs that the open transaction's submissions may find. */
  readonly earlier: EarlierJobs;
  /** What jobs and tasks go through in the open transaction. */
  readonly counts: WorkCounts;
  /** Of the open transaction. */
  changes: Changes;
  /** Time of the open transaction. */
  nowUs: number;
  /** Whether that is earlier than the time of one before, of those since the last that was committed. */
  wentBack: boolean;
  /** Numbers and buckets, when they are asked for anew: to be awaited before operations run. */
  arriving: Promise<unknown>;
  /** When this server opened the store. */
  readonly openedAtUs: number;
  /** As of the last transaction; undefined when memory holds nothing. */
  epoch: number | undefined;
}

/** The write side over a connection. */
export function newControl(sql: Writer, options: ControlOptions, counts = new WorkCounts()): Control {
  const numbers = new SequenceNumbers();
  const jobs = new JobTable(sql, counts);
  return {
    sql,
    options,
    numbers,
    specs: new SpecTable(sql, numbers),
    jobs,
    groups: new GroupTable(sql),
    tasks: new TaskTable(sql),
    runners: new RunnerTable(sql, numbers),
    ready: new ReadyTable(sql, {
      isHeld: (job) => jobs.get(job).place === "waits",
      mayHaveMore: (job) => jobs.peek(job)?.counts[TaskState.QUEUED] !== 0,
    }),
    places: new PlaceTable(sql),
    jobPlaces: new JobPlaceTable(sql),
    triggers: new TriggerTable(sql, numbers),
    ids: new IdGenerator(() => options.nowUs() / 1000),
    counts,
    closing: [],
    sweeps: [],
    rejected: [],
    claims: [],
    earlier: { byId: new Map(), byKey: new Map() },
    changes: new Changes(),
    nowUs: 0,
    wentBack: false,
    arriving: Promise.resolve(),
    openedAtUs: options.nowUs(),
    epoch: undefined,
  };
}

/** More operations than this are waited with: others join them meanwhile, and one commit for all costs least. */
const MAX_HOPES = 4;

/**
 * Begins a transaction for `waiting` operations. Errors: whatever the connection meets.
 *
 * When another server has written since the last one, what memory holds is dropped.
 */
export async function beginTransaction(control: Control, waiting: number): Promise<void> {
  control.earlier.byId.clear();
  control.earlier.byKey.clear();
  const epoch = await control.sql.begin(waiting > MAX_HOPES ? undefined : control.epoch);
  const nowUs = control.options.nowUs();
  control.wentBack ||= nowUs < control.nowUs;
  control.nowUs = nowUs;
  control.ready.begin(epoch);
  control.tasks.begin();
  control.specs.begin();
  control.jobPlaces.clear();
  control.triggers.begin(nowUs);
  if (control.epoch === epoch) return;
  control.tasks.drop();
  dropRows(control);
  control.epoch = epoch;
  const reloads = [control.numbers.reload(control.sql), control.specs.reload(), control.triggers.reload()];
  control.arriving = Promise.all(reloads);
  // Whoever waits for it is told; nobody may, when the transaction fails before.
  control.arriving.catch(() => {});
}

/** Drops everything that memory holds of the record and of the open transaction. */
export function forget(control: Control): void {
  control.epoch = undefined;
  control.closing.length = 0;
  control.sweeps.length = 0;
  control.rejected.length = 0;
  control.claims.length = 0;
  control.changes = new Changes();
  control.specs.dropUncommitted();
  control.tasks.clear();
  control.triggers.clear();
  dropRows(control);
}

function dropRows(control: Control): void {
  control.jobs.clear();
  control.groups.clear();
  control.runners.clear();
  control.ready.clear();
  control.places.clear();
  control.jobPlaces.clear();
}

/**
 * Sends everything changed but jobs and tasks on offer.
 *
 * Jobs are sent only with the last of a transaction, since before a job's state may follow from counters that are half
 * changed; tasks on offer, since most of them are taken before.
 */
export function flushRows(control: Control): void {
  control.numbers.flush(control.sql);
  control.specs.flush();
  control.runners.flush();
  control.groups.flush();
  control.tasks.flush();
  control.places.flush();
  control.jobPlaces.flush();
}

/** Sends everything changed; answers whether there was anything. */
export function flushAll(control: Control): boolean {
  const ended = control.jobs.flush(control.nowUs);
  for (const job of ended) {
    control.changes.ended.add(job.id);
    control.counts.jobEnded(job.state);
  }
  noteJobEvents(control, ended);
  control.triggers.flush();
  flushRows(control);
  control.ready.flush();
  return control.sql.hasSent;
}
