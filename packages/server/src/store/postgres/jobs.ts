import { JobState, SpanloomError, TaskState } from "@spanloom/protocol";
import { assertJobTransition, assertTaskTransition, isJobEnded } from "../../engine/states.ts";
import {
  decodeFailure,
  decodeProgress,
  decodeTrace,
  decodeTrigger,
  encodeFailure,
  encodeProgress,
  encodeTrace,
  encodeTrigger,
} from "../cells.ts";
import {
  type JobWork as CommonWork,
  counterColumns,
  doomNames,
  newJobWork,
  nextJobState,
  openTasks,
} from "../job-work.ts";
import type { ConcurrencyRule, JobTrigger, NewJob } from "../store.ts";
import type { WorkCounts } from "../work-counts.ts";
import { bulk, bulkInsert, numbers, Rows, texts } from "./bulk.ts";
import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

/** A job, with its place under a concurrency key. */
export interface JobWork extends CommonWork {
  readonly concurrency: ConcurrencyRule | undefined;
  readonly trigger: JobTrigger | undefined;
  readonly createdAtUs: number;
  /** As JSON; null when there are none. */
  readonly tags: string | null;
  /** Whether it stands in line under the key of its rule; "none" when it has no rule, or has ended. */
  place: "none" | "waits" | "holds";
  admittedAtUs: number | undefined;
}

/** A job that was submitted under a key, or with an id, that is used again. */
export interface EarlierJob {
  id: string;
  idempotencyKey: string | undefined;
  requestHash: string;
}

/** Jobs known to exist under ids and keys that the open transaction submits. */
export interface EarlierJobs {
  readonly byId: Map<string, EarlierJob>;
  readonly byKey: Map<string, EarlierJob>;
}

/** Notes that a job exists. */
export function rememberEarlier(earlier: EarlierJobs, job: EarlierJob): void {
  earlier.byId.set(job.id, job);
  if (job.idempotencyKey) earlier.byKey.set(job.idempotencyKey, job);
}

const counters = Object.fromEntries(counterColumns.split(", ").map((name) => [name, "integer"]));

const changing = {
  state: "smallint",
  doom: "smallint",
  started_at: "bigint",
  ended_at: "bigint",
  deadline_at: "bigint",
  admitted_at: "bigint",
  attempts: "bigint",
  ...counters,
  failure: "text",
  failed_task: "uuid",
  cancel_reason: "text",
  progress: "text",
};

const insertJobs = bulkInsert("job", {
  seq: "bigint",
  id: "uuid",
  name: "text",
  tags: "jsonb",
  queue: "text",
  priority: "integer",
  created_at: "bigint",
  start_at: "bigint",
  idempotency_key: "text",
  request_hash: "text",
  trace: "text",
  concurrency: "text",
  trigger: "jsonb",
  ...changing,
});

const updateJobs = bulk("update_job", { seq: "bigint", ...changing }, (rows) => {
  const sets = Object.keys(changing).map((name) => `${name} = u.${name}`);
  return `UPDATE job SET ${sets.join(", ")} FROM ${rows} WHERE job.seq = u.seq`;
});

const workColumns = `seq, id, name, queue, priority, trace, deadline_at, state, doom, started_at, ended_at, attempts,
  failure, failed_task, cancel_reason, progress, concurrency, admitted_at, trigger::text, created_at, tags::text,
  ${counterColumns}`;

const jobsBySeq = statement("write_jobs_by_seq", `SELECT ${workColumns} FROM job WHERE seq = ANY($1::bigint[])`);
const jobsById = statement("write_jobs_by_id", `SELECT ${workColumns} FROM job WHERE id = ANY($1::uuid[])`);
const earlierJobs = statement(
  "earlier_jobs",
  `SELECT id, idempotency_key, request_hash FROM job WHERE id = ANY($1::uuid[])
   UNION SELECT id, idempotency_key, request_hash FROM job WHERE idempotency_key = ANY($2::text[])`,
);

/** Jobs being worked on: read once, changed in memory, written once per transaction. */
export class JobTable {
  readonly #sql: Writer;
  readonly #counted: WorkCounts;
  readonly #works = new Map<number, JobWork>();
  readonly #byId = new Map<string, JobWork>();
  readonly #dirty = new Set<JobWork>();
  readonly #new = new Map<JobWork, NewJob>();
  /** Jobs that were begun since they were last taken, and had never been before. */
  #begun: JobWork[] = [];
  /** Jobs in line under a key of which tasks have ended or changed. */
  readonly #maybeLeaving = new Set<JobWork>();
  readonly #closed: JobWork[] = [];
  readonly #inserts = new Rows(insertJobs);
  readonly #updates = new Rows(updateJobs);

  constructor(sql: Writer, counted: WorkCounts) {
    this.#sql = sql;
    this.#counted = counted;
  }

  /** How many jobs memory holds. */
  get size(): number {
    return this.#works.size;
  }

  /** A job by number that was loaded before. */
  get(seq: number): JobWork {
    const work = this.#works.get(seq);
    if (work === undefined) throw new SpanloomError("INTERNAL", `cannot work on job ${seq}: it was not read`);
    return work;
  }

  /** A job by number, if it was loaded before. */
  peek(seq: number): JobWork | undefined {
    return this.#works.get(seq);
  }

  /** A job by id, if it was loaded before. */
  find(id: string): JobWork | undefined {
    return this.#byId.get(id);
  }

  /** Reads those of the jobs that memory does not hold. */
  async load(seqs: Iterable<number>): Promise<void> {
    const missing = new Set<number>();
    for (const seq of seqs) if (!this.#works.has(seq)) missing.add(seq);
    if (missing.size > 0) this.addRows(await this.#sql.ask(jobsBySeq, [numbers(missing)]));
  }

  /** Reads those of the jobs that memory does not hold; unknown ids are left out. */
  async loadByIds(ids: Iterable<string>): Promise<void> {
    const missing = new Set<string>();
    for (const id of ids) if (!this.#byId.has(id)) missing.add(id);
    if (missing.size > 0) this.addRows(await this.#sql.ask(jobsById, [texts(missing)]));
  }

  /** Jobs that exist under these ids or keys. */
  async earlier(ids: readonly string[], keys: readonly string[]): Promise<EarlierJob[]> {
    const rows = await this.#sql.ask(earlierJobs, [texts(ids), texts(keys)]);
    return rows.map(([id, key, hash]) => ({
      id: id as string,
      idempotencyKey: (key as string | null) ?? undefined,
      requestHash: (hash as string | null) ?? "",
    }));
  }

  /** Takes rows of {@link workColumns}; what memory holds already is newer. */
  addRows(rows: readonly SqlRow[]): void {
    for (const row of rows) if (!this.#works.has(row[0] as number)) this.#remember(toJobWork(row));
  }

  /** Inserts a job with the transaction. */
  insert(seq: number, job: NewJob, createdAtUs: number): JobWork {
    const { concurrency, trigger } = job;
    const tags = Object.keys(job.tags).length === 0 ? null : JSON.stringify(job.tags);
    const own = { concurrency, place: "none", admittedAtUs: undefined, createdAtUs, tags } as const;
    const work: JobWork = { ...newJobWork(seq, job), trigger, ...own };
    this.#remember(work);
    this.#new.set(work, job);
    this.#counted.jobsSubmitted++;
    this.#dirty.add(work);
    return work;
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
    if (from !== TaskState.UNSPECIFIED && work.place !== "none") this.#maybeLeaving.add(work);
  }

  /** Notes that an attempt of a job starts. */
  begin(work: JobWork, nowUs: number): void {
    work.attempts++;
    this.#dirty.add(work);
    if (work.startedAtUs !== undefined) return;
    work.startedAtUs = nowUs;
    this.#begun.push(work);
  }

  /** Takes the jobs that were begun for the first time. */
  takeBegun(): JobWork[] {
    const begun = this.#begun;
    this.#begun = [];
    return begun;
  }

  /** Gives a job that had ended the state it has with tasks open again. */
  reopen(work: JobWork): void {
    const next = nextJobState(work);
    assertJobTransition(work.state, next);
    work.state = next;
    this.#dirty.add(work);
  }

  /** Changed jobs in line under a key of which all tasks have ended. */
  leaving(): JobWork[] {
    if (this.#maybeLeaving.size === 0) return [];
    return [...this.#maybeLeaving].filter((work) => work.place !== "none" && openTasks(work) === 0);
  }

  /** Sends what changed; returns the jobs that ended with it. */
  flush(nowUs: number): JobWork[] {
    const ended: JobWork[] = [];
    for (const work of this.#dirty) {
      if (advance(work, nowUs)) ended.push(work);
      this.#write(work);
    }
    this.#dirty.clear();
    this.#maybeLeaving.clear();
    for (const rows of [this.#inserts, this.#updates]) {
      rows.sendTo(this.#sql);
    }
    return ended;
  }

  /** Drops jobs that ended. Only between transactions. */
  trim(): void {
    for (const work of this.#closed) {
      // It may have been reopened by the transaction that read it as ended.
      if (work.endedAtUs === undefined) continue;
      this.#works.delete(work.seq);
      this.#byId.delete(work.id);
    }
    this.#closed.length = 0;
  }

  /** Drops everything. */
  clear(): void {
    this.#works.clear();
    this.#byId.clear();
    this.#dirty.clear();
    this.#closed.length = 0;
    this.#new.clear();
    this.#begun = [];
    this.#maybeLeaving.clear();
    this.#inserts.clear();
    this.#updates.clear();
  }

  #write(work: JobWork): void {
    if (work.endedAtUs !== undefined) this.#closed.push(work);
    const cells = [
      work.state,
      doomNames.indexOf(work.doom),
      work.startedAtUs,
      work.endedAtUs,
      work.deadlineUs,
      work.admittedAtUs,
      work.attempts,
      ...work.counts.slice(TaskState.BLOCKED),
      encodeFailure(work.failure),
      work.failedTaskId,
      work.cancelReason,
      encodeProgress([...work.progress.values()]),
    ];
    const job = this.#new.get(work);
    if (job === undefined) {
      this.#updates.add(work.seq, ...cells);
      return;
    }
    this.#new.delete(work);
    this.#inserts.add(
      work.seq,
      job.id,
      job.name,
      work.tags,
      job.queue,
      job.priority,
      work.createdAtUs,
      job.startAtUs,
      job.idempotencyKey || null,
      job.requestHash || null,
      encodeTrace(job.trace),
      job.concurrency === undefined ? null : JSON.stringify(job.concurrency),
      encodeTrigger(job.trigger),
      ...cells,
    );
  }

  #remember(work: JobWork): void {
    this.#works.set(work.seq, work);
    this.#byId.set(work.id, work);
    if (work.endedAtUs !== undefined) this.#closed.push(work);
  }
}

function advance(work: JobWork, nowUs: number): boolean {
  if (isJobEnded(work.state)) return false;
  const next = nextJobState(work);
  // It may have started and been cancelled in one transaction.
  if (work.startedAtUs !== undefined && work.state === JobState.QUEUED) work.state = JobState.RUNNING;
  assertJobTransition(work.state, next);
  work.state = next;
  if (!isJobEnded(next)) return false;
  work.endedAtUs = nowUs;
  return true;
}

function toJobWork(row: SqlRow): JobWork {
  const [seq, id, name, queue, priority, trace, deadline, state, doom, started, ended, attempts] = row;
  const [failure, failedTask, cancelReason, progress, concurrency, admittedAt, trigger, createdAt, tags, ...counts] =
    row.slice(12);
  const waits = admittedAt === null ? "waits" : "holds";
  return {
    seq: seq as number,
    id: id as string,
    name: name as string,
    queue: queue as string,
    priority: priority as number,
    trace: decodeTrace(trace as string),
    deadlineUs: (deadline as number | null) ?? undefined,
    state: state as JobState,
    doom: doomNames[doom as number]!,
    startedAtUs: (started as number | null) ?? undefined,
    endedAtUs: (ended as number | null) ?? undefined,
    attempts: attempts as number,
    counts: [0, ...(counts as number[])],
    failure: decodeFailure(failure as string | null),
    failedTaskId: (failedTask as string | null) ?? undefined,
    cancelReason: (cancelReason as string | null) ?? undefined,
    progress: new Map(decodeProgress(progress as string | null).map((entry) => [entry.label, entry])),
    concurrency: concurrency === null ? undefined : (JSON.parse(concurrency as string) as ConcurrencyRule),
    place: concurrency === null || ended !== null ? "none" : waits,
    admittedAtUs: (admittedAt as number | null) ?? undefined,
    trigger: decodeTrigger(trigger),
    createdAtUs: createdAt as number,
    tags: tags as string | null,
  };
}
