import type { ConcurrencyRule } from "../store/store.ts";

/**
 * Which jobs hold a place under a concurrency key of their own, and which wait for one. Pure and in memory.
 *
 * I1. A job holds its place from its admission until it ends; jobs wait by priority, then in the order they came.
 * I2. Cost follows jobs that come and go, not jobs that wait.
 */

/** A job that asks for a place. */
export interface JobApplicant {
  job: number;
  priority: number;
  rule: ConcurrencyRule;
}

interface Holder {
  job: number;
  /** Whether it was told to make way. */
  leaving: boolean;
}

/** Jobs that wait at one priority, in the order they came. */
interface Lane {
  priority: number;
  jobs: JobApplicant[];
  /** Index of the first that was not served. */
  head: number;
}

interface Key {
  holders: Map<number, Holder>;
  /** Highest priority first. */
  lanes: Lane[];
  /** Jobs that wait, as those that left stay in their lane until it is their turn. */
  waiting: Map<number, JobApplicant>;
  /** Those of them that take the place of holders. */
  displacing: number;
}

/** Places of jobs. */
export class JobAdmission {
  readonly #keys = new Map<string, Key>();
  readonly #keyOfJob = new Map<number, string>();
  #lastAdmittedUs = 0;

  /** Whether no job holds or waits for a place. */
  get isEmpty(): boolean {
    return this.#keyOfJob.size === 0;
  }

  /** Whether a newcomer with this rule would be refused: it has to wait, and may not, or too many do. */
  refuses({ key, limit, policy, maxWaiting = Number.POSITIVE_INFINITY }: ConcurrencyRule): boolean {
    const known = this.#keys.get(key);
    if (known === undefined) return false;
    const { holders, waiting } = known;
    if (policy === "rejectNew") return holders.size + waiting.size >= limit;
    return (waiting.size > 0 || holders.size >= limit) && waiting.size >= maxWaiting;
  }

  /** Of the jobs that hold a place under a key the one that was let in first. */
  firstHolder(key: string): number | undefined {
    return this.#keys.get(key)?.holders.keys().next().value;
  }

  /** Lets a job in, or makes it wait; tells whether it was let in. */
  apply(applicant: JobApplicant): boolean {
    const { job, rule } = applicant;
    const key = this.#key(rule.key);
    this.#keyOfJob.set(job, rule.key);
    if (key.waiting.size === 0 && key.holders.size < rule.limit) {
      key.holders.set(job, { job, leaving: false });
      return true;
    }
    this.#wait(key, applicant);
    return false;
  }

  /** The time to record for an admission: later than any before, as the order of holders is read back from these. */
  admittedAtUs(nowUs: number): number {
    this.#lastAdmittedUs = Math.max(nowUs, this.#lastAdmittedUs + 1);
    return this.#lastAdmittedUs;
  }

  /** Puts a job in the place it has in the record. Holders come in the order they were admitted. */
  restore(applicant: JobApplicant, admittedAtUs: number | undefined): void {
    const { job, rule } = applicant;
    const key = this.#key(rule.key);
    this.#keyOfJob.set(job, rule.key);
    if (admittedAtUs === undefined) this.#wait(key, applicant);
    else {
      key.holders.set(job, { job, leaving: false });
      this.#lastAdmittedUs = Math.max(this.#lastAdmittedUs, admittedAtUs);
    }
  }

  /** Holders that have to make way for jobs that wait and displace; each is told once. */
  displaced(keyName: string): number[] {
    const key = this.#keys.get(keyName);
    if (key === undefined) return [];
    let wanted = key.displacing;
    const leaving: number[] = [];
    for (const holder of key.holders.values()) {
      if (wanted-- <= 0) break;
      if (!holder.leaving) leaving.push(holder.job);
      holder.leaving = true;
    }
    return leaving;
  }

  /** Forgets a job that ended; answers the jobs let in after it. */
  leave(job: number): number[] {
    const name = this.#keyOfJob.get(job);
    if (name === undefined) return [];
    const key = this.#keys.get(name)!;
    this.#keyOfJob.delete(job);
    stopWaiting(key, job);
    key.holders.delete(job);
    const admitted = admit(key);
    if (key.holders.size + key.waiting.size === 0) this.#keys.delete(name);
    return admitted;
  }

  /** The key a job holds or waits for, if any. */
  keyOf(job: number): string | undefined {
    return this.#keyOfJob.get(job);
  }

  /** Forgets everything. */
  clear(): void {
    this.#keys.clear();
    this.#keyOfJob.clear();
    this.#lastAdmittedUs = 0;
  }

  #key(name: string): Key {
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key: Key = { holders: new Map(), lanes: [], waiting: new Map(), displacing: 0 };
    this.#keys.set(name, key);
    return key;
  }

  #wait(key: Key, applicant: JobApplicant): void {
    const { priority } = applicant;
    key.waiting.set(applicant.job, applicant);
    if (applicant.rule.policy === "cancelRunning") key.displacing++;
    const at = key.lanes.findIndex((lane) => lane.priority <= priority);
    const lane = key.lanes[at];
    if (lane?.priority === priority) lane.jobs.push(applicant);
    else key.lanes.splice(at < 0 ? key.lanes.length : at, 0, { priority, jobs: [applicant], head: 0 });
  }
}

function stopWaiting(key: Key, job: number): void {
  if (key.waiting.get(job)?.rule.policy === "cancelRunning") key.displacing--;
  key.waiting.delete(job);
}

function admit(key: Key): number[] {
  const admitted: number[] = [];
  for (;;) {
    const lane = key.lanes[0];
    const next = lane?.jobs[lane.head];
    if (lane === undefined || next === undefined) {
      if (key.lanes.shift() === undefined) return admitted;
      continue;
    }
    if (key.waiting.get(next.job) === next) {
      if (key.holders.size >= next.rule.limit) return admitted;
      stopWaiting(key, next.job);
      key.holders.set(next.job, { job: next.job, leaving: false });
      admitted.push(next.job);
    }
    lane.head++;
    if (lane.head < 1_000 || lane.head * 2 < lane.jobs.length) continue;
    lane.jobs.splice(0, lane.head);
    lane.head = 0;
  }
}
