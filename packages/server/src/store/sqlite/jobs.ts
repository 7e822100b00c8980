import { JobState, TaskState } from "@spanloom/protocol";
import { assertJobTransition, assertTaskTransition, isJobEnded } from "../../engine/states.ts";
import { decodeFailure, decodeProgress, decodeTrace, encodeFailure, encodeProgress, optionalNumber } from "../cells.ts";
import { type JobWork as CommonWork, counterColumns, doomNames, nextJobState } from "../job-work.ts";
import type { WorkCounts } from "../work-counts.ts";
import type { Database, SqlRow } from "./database.ts";

/** A job, with what its rows in indexes are made of. */
export interface JobWork extends CommonWork {
  readonly createdAtUs: number;
}

/** What became of jobs as they were written. */
export interface FlushedJobs {
  /** Each once, whatever is run again of it later. */
  started: JobWork[];
  ended: JobWork[];
}

const MAX_CLEAN = 20_000;

/** Jobs being worked on: read once, changed in memory, written once per transaction. */
export class JobTable {
  readonly #db: Database;
  readonly #counted: WorkCounts;
  readonly #works = new Map<number, JobWork>();
  readonly #dirty = new Set<JobWork>();
  readonly #closed: number[] = [];
  /** Change of the number of jobs in each state, by JobState. */
  readonly #moved = new Map<JobState, number>();
  #nextSeq = 1;

  constructor(db: Database, counted: WorkCounts) {
    this.#db = db;
    this.#counted = counted;
  }

  /** Number of a job about to be inserted. */
  newSeq(): number {
    return this.#nextSeq++;
  }

  /** A job by number. */
  get(seq: number): JobWork {
    const known = this.#works.get(seq);
    if (known !== undefined) return known;
    return this.#load(this.#db.row(`SELECT ${workColumns} FROM job WHERE seq = ?`, seq)!);
  }

  /** A job by id, if there is one. */
  find(id: string): JobWork | undefined {
    const row = this.#db.row("SELECT seq FROM job WHERE id = ?", id);
    return row && this.get(row[0] as number);
  }

  /** Takes a job that was just inserted as it stands. */
  add(work: JobWork): void {
    this.#works.set(work.seq, work);
    this.#counted.jobsSubmitted++;
    this.#count(work.state, 1);
  }

  /** Changes a job's state. Staying in a state is none. */
  setState(work: JobWork, next: JobState): void {
    if (next === work.state) return;
    assertJobTransition(work.state, next);
    this.#count(work.state, -1);
    this.#count(next, 1);
    work.state = next;
  }

  #count(state: JobState, jobs: number): void {
    this.#moved.set(state, (this.#moved.get(state) ?? 0) + jobs);
  }

  /** Notes that a job was changed. */
  touch(work: JobWork): void {
    this.#dirty.add(work);
  }

  /** Moves `count` tasks of a job from one state to another; UNSPECIFIED stands for outside. */
  move(work: JobWork, from: TaskState, to: TaskState, count = 1): void {
    assertTaskTransition(from, to);
    work.counts[from]! -= count;
    work.counts[to]! += count;
    this.#counted.moved(from, to, count);
    this.#dirty.add(work);
  }

  /** Writes what changed; returns the jobs that started and ended with it. */
  flush(nowUs: number): FlushedJobs {
    const flushed: FlushedJobs = { started: [], ended: [] };
    for (const work of this.#dirty) {
      this.#advance(work, nowUs, flushed);
      this.#write(work);
    }
    this.#dirty.clear();
    this.#writeCounts();
    return flushed;
  }

  #writeCounts(): void {
    for (const [state, jobs] of this.#moved) {
      if (jobs === 0) continue;
      this.#db.run(
        "INSERT INTO job_count (state, count) VALUES (?, ?) ON CONFLICT (state) DO UPDATE SET count = count + excluded.count",
        state,
        jobs,
      );
    }
    this.#moved.clear();
  }

  /** Bounds the memory held for jobs nobody works on. Only between transactions. */
  trim(): void {
    for (const seq of this.#closed) this.#works.delete(seq);
    this.#closed.length = 0;
    if (this.#works.size > MAX_CLEAN) this.#works.clear();
  }

  /** Forgets what a rolled-back transaction changed. */
  reload(): void {
    this.#works.clear();
    this.#dirty.clear();
    this.#closed.length = 0;
    this.#moved.clear();
    this.#nextSeq = this.#db.row("SELECT coalesce(max(seq), 0) + 1 FROM job")![0] as number;
  }

  #advance(work: JobWork, nowUs: number, { started, ended }: FlushedJobs): void {
    if (isJobEnded(work.state)) return;
    const next = nextJobState(work);
    // It may have started and been cancelled in one transaction.
    if (work.startedAtUs !== undefined && work.state === JobState.QUEUED) {
      this.setState(work, JobState.RUNNING);
      started.push(work);
    }
    this.setState(work, next);
    if (!isJobEnded(next)) return;
    work.endedAtUs = nowUs;
    ended.push(work);
  }

  #write(work: JobWork): void {
    const c = work.counts;
    this.#db.run(
      `UPDATE job SET state = ?, doom = ?, started_at = ?, ended_at = ?, attempts = ?, blocked = ?, scheduled = ?,
       queued = ?, running = ?, waiting = ?, succeeded = ?, failed = ?, cancelled = ?, skipped = ?, failure = ?,
       failed_task = ?, cancel_reason = ?, progress = ? WHERE seq = ?`,
      work.state,
      doomNames.indexOf(work.doom),
      work.startedAtUs ?? null,
      work.endedAtUs ?? null,
      work.attempts,
      ...c.slice(TaskState.BLOCKED),
      encodeFailure(work.failure),
      work.failedTaskId ?? null,
      work.cancelReason ?? null,
      encodeProgress([...work.progress.values()]),
      work.seq,
    );
    if (work.endedAtUs !== undefined) this.#closed.push(work.seq);
  }

  #load(row: SqlRow): JobWork {
    const work = toJobWork(row);
    this.#works.set(work.seq, work);
    return work;
  }
}

const workColumns = `seq, id, name, queue, priority, trace, created_at, deadline_at, state, doom, started_at, ended_at, attempts,
  failure, failed_task, cancel_reason, progress, ${counterColumns}`;

function toJobWork(row: SqlRow): JobWork {
  const [seq, id, name, queue, priority, trace, created, deadline, state, doom, started, ended, attempts] = row;
  const [failure, failedTask, cancelReason, progress, ...counts] = row.slice(13);
  return {
    seq: seq as number,
    id: id as string,
    name: name as string,
    queue: queue as string,
    priority: priority as number,
    trace: decodeTrace(trace!),
    createdAtUs: created as number,
    deadlineUs: optionalNumber(deadline!),
    state: state as JobState,
    doom: doomNames[doom as number]!,
    startedAtUs: optionalNumber(started!),
    endedAtUs: optionalNumber(ended!),
    attempts: attempts as number,
    counts: [0, ...(counts as number[])],
    failure: decodeFailure(failure!),
    failedTaskId: (failedTask as string | null) ?? undefined,
    cancelReason: (cancelReason as string | null) ?? undefined,
    progress: new Map(decodeProgress(progress!).map((entry) => [entry.label, entry])),
  };
}
