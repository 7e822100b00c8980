import type { Database } from "./database.ts";

/** A job as far as finding it again needs it. */
interface IndexedJob {
  seq: number;
  createdAtUs: number;
}

/** Jobs remembered for each runner, and runners, before they are written again; writing a pair twice changes nothing. */
const MAX_KNOWN = 10_000;

/**
 * What jobs are found by that is no column of theirs: their tags, and the runners that had attempts of theirs.
 *
 * A pair of runner and job is written once, with the transaction of the first lease: attempts cost a look into memory.
 */
export class JobIndex {
  readonly #db: Database;
  readonly #known = new Map<number, Set<number>>();
  #pairs: [runner: number, createdAtUs: number, job: number][] = [];

  constructor(db: Database) {
    this.#db = db;
  }

  /** Writes the tags of a new job. */
  addTags({ seq, createdAtUs }: IndexedJob, tags: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(tags)) {
      this.#db.run(
        "INSERT INTO job_tag (key, value, created_at, job) VALUES (?, ?, ?, ?)",
        key,
        value,
        createdAtUs,
        seq,
      );
    }
  }

  /** Notes that a runner leased a task of a job. */
  noteLease(runner: number, { seq, createdAtUs }: IndexedJob): void {
    let jobs = this.#known.get(runner);
    if (jobs?.has(seq)) return;
    if (jobs === undefined) {
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      jobs = new Set();
      this.#known.set(runner, jobs);
    } else if (jobs.size >= MAX_KNOWN) jobs.clear();
    jobs.add(seq);
    this.#pairs.push([runner, createdAtUs, seq]);
  }

  /** Writes what was noted. */
  flush(): void {
    for (const pair of this.#pairs) {
      this.#db.run("INSERT OR IGNORE INTO job_runner (runner, created_at, job) VALUES (?, ?, ?)", ...pair);
    }
    if (this.#pairs.length > 0) this.#pairs = [];
  }

  /** Forgets what a rolled-back transaction noted. */
  reload(): void {
    this.#known.clear();
    this.#pairs = [];
  }
}
