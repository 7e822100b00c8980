import type { ConcurrencyRule } from "../store.ts";
import { bulkInsert, numbers, Rows, texts } from "./bulk.ts";
import type { JobWork } from "./jobs.ts";
import { statement } from "./statement.ts";
import type { Writer } from "./writer.ts";

const standingUnder = statement(
  "standing_under_keys",
  `SELECT u.key, h.n, w.n,
     (SELECT coalesce(max(admitted_at), 0) FROM job_place WHERE key = u.key AND admitted_at IS NOT NULL)
   FROM unnest($1::text[], $2::integer[]) AS u (key, bound)
   CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT 1 FROM job_place
     WHERE key = u.key AND admitted_at IS NOT NULL LIMIT u.bound) x) h
   CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT 1 FROM job_place
     WHERE key = u.key AND admitted_at IS NULL LIMIT u.bound) x) w`,
);
const insertPlaces = bulkInsert("job_place", {
  job: "bigint",
  key: "text",
  places: "integer",
  policy: "text",
  priority: "integer",
  admitted_at: "bigint",
});
const displacedJobs = statement(
  "displaced_jobs",
  `UPDATE job_place p SET leaving = true FROM (
     SELECT u.key, h.job FROM unnest($1::text[]) AS u (key) CROSS JOIN LATERAL (
       SELECT job FROM job_place WHERE key = u.key AND admitted_at IS NOT NULL ORDER BY admitted_at, job
       LIMIT (SELECT count(*) FROM job_place WHERE key = u.key AND admitted_at IS NULL AND policy = 'cancelRunning')
     ) h) d WHERE p.job = d.job AND NOT p.leaving RETURNING d.key, p.job`,
);

interface Standing {
  /** Counted no further than `bound` when it was read. */
  holders: number;
  waiting: number;
  bound: number;
  /** When the last of the holders was let in. */
  lastUs: number;
}

/**
 * What stands under keys that jobs of the open transaction apply for: read for many at once, kept up in memory, and read
 * anew when somebody left.
 */
export class JobPlaceTable {
  readonly #sql: Writer;
  readonly #standing = new Map<string, Standing>();
  readonly #inserts = new Rows(insertPlaces);
  /** Keys under which holders may have to make way, each with the newcomer that is told of. */
  readonly #crowded = new Map<string, JobWork>();

  constructor(sql: Writer) {
    this.#sql = sql;
  }

  /** Reads what stands under the keys of rules that memory does not know. */
  async load(rules: Iterable<ConcurrencyRule>): Promise<void> {
    const bounds = new Map<string, number>();
    for (const { key, limit, maxWaiting = 0 } of rules) {
      const bound = Math.max(limit, maxWaiting, bounds.get(key) ?? 0);
      if ((this.#standing.get(key)?.bound ?? -1) < bound) bounds.set(key, bound);
    }
    if (bounds.size === 0) return;
    this.flush();
    const rows = await this.#sql.ask(standingUnder, [texts(bounds.keys()), numbers(bounds.values())]);
    for (const [key, holders, waiting, lastUs] of rows as unknown as [string, number, number, number][]) {
      this.#standing.set(key, { holders, waiting, lastUs, bound: bounds.get(key)! });
    }
  }

  /** Whether a newcomer is refused by a rule that was loaded. */
  refuses({ key, limit, policy, maxWaiting }: ConcurrencyRule): boolean {
    const { holders, waiting } = this.#standing.get(key)!;
    if (policy === "rejectNew") return holders + waiting >= limit;
    return maxWaiting !== undefined && waiting >= maxWaiting && (waiting > 0 || holders >= limit);
  }

  /** Enters a newcomer under a rule that was loaded: it is let in, or waits. */
  enter(job: JobWork, nowUs: number): void {
    const { key, limit, policy } = job.concurrency!;
    const standing = this.#standing.get(key)!;
    const isAdmitted = standing.waiting === 0 && standing.holders < limit;
    job.place = isAdmitted ? "holds" : "waits";
    job.admittedAtUs = isAdmitted ? Math.max(nowUs, standing.lastUs + 1) : undefined;
    this.#inserts.add(job.seq, key, limit, policy, job.priority, job.admittedAtUs);
    if (!isAdmitted) {
      standing.waiting++;
      this.#crowded.set(key, job);
      return;
    }
    standing.holders++;
    standing.lastUs = job.admittedAtUs!;
  }

  /** Whether holders under a key may have to make way for a newcomer. */
  isCrowded(key: string): boolean {
    return this.#crowded.has(key);
  }

  /** Finds holders that have to make way, each with the newcomer it makes way for; each is found once. */
  async displaced(): Promise<[holder: number, newcomer: JobWork][]> {
    if (this.#crowded.size === 0) return [];
    const crowded = new Map(this.#crowded);
    this.#crowded.clear();
    this.flush();
    const rows = await this.#sql.send(displacedJobs, [texts(crowded.keys())]);
    return (rows as unknown as [string, number][])
      .map(([key, job]): [number, JobWork] => [job, crowded.get(key)!])
      .sort(([a], [b]) => a - b);
  }

  /** Sends who entered. */
  flush(): void {
    this.#inserts.sendTo(this.#sql);
  }

  /** Notes that what stands under a key changes otherwise. */
  left(key: string): void {
    this.#standing.delete(key);
  }

  /** Drops everything: what stands is read anew by each transaction. */
  clear(): void {
    this.#standing.clear();
    this.#crowded.clear();
    this.#inserts.clear();
  }
}
