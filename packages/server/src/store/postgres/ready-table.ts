import { type ReadyMatch, ReadyQueue, type TakenRun } from "../../engine/ready-queue.ts";
import { bulk, bulkInsert, numbers, Rows } from "./bulk.ts";
import { GROUP_WIDTH, groupColumns } from "./groups.ts";
import type { Bucket } from "./specs.ts";
import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

/** Consecutive tasks of one group on offer; `last` is included. */
export interface ReadyRun {
  readonly job: number;
  readonly bucket: Bucket;
  readonly depth: number;
  readonly group: number;
  readonly spec: number;
  first: number;
  readonly last: number;
  readonly queuedAtUs: number;
}

/** Tasks taken from one run for one claim; `to` is included. */
export interface TakenTasks extends TakenRun {
  run: ReadyRun;
}

/** A run of the record. */
interface StoredRun extends ReadyRun {
  stored: true;
}

const linesInTurn = statement(
  "lines_in_turn",
  `SELECT l.bucket, l.job, r.depth, r.last, r.first, r.spec, r.queued_at, ${groupColumns}
   FROM unnest($1::bigint[]) AS b (bucket)
   CROSS JOIN LATERAL (SELECT job, bucket, turn FROM ready_line WHERE ready_line.bucket = b.bucket
     ORDER BY turn LIMIT $2::integer) l
   LEFT JOIN LATERAL (SELECT * FROM ready WHERE ready.job = l.job AND ready.bucket = l.bucket
     ORDER BY depth DESC, queued_at, last LIMIT $3::integer) r ON true
   LEFT JOIN task_group g ON g.seq = r.task_group
   ORDER BY l.turn, r.depth DESC, r.queued_at, r.last`,
);

const insertRuns = bulkInsert("ready", {
  job: "bigint",
  bucket: "bigint",
  depth: "integer",
  last: "bigint",
  first: "bigint",
  task_group: "bigint",
  spec: "bigint",
  queued_at: "bigint",
});
const runKey = { job: "bigint", bucket: "bigint", depth: "integer", queued_at: "bigint", last: "bigint" };
const sameRun = `ready.job = u.job AND ready.bucket = u.bucket AND ready.depth = u.depth
  AND ready.queued_at = u.queued_at AND ready.last = u.last`;
const shortenRuns = bulk(
  "shorten_ready",
  { ...runKey, first: "bigint" },
  (rows) => `UPDATE ready SET first = u.first FROM ${rows} WHERE ${sameRun}`,
);
const deleteRuns = bulk("delete_ready", runKey, (rows) => `DELETE FROM ready USING ${rows} WHERE ${sameRun}`);
const lineKey = { job: "bigint", bucket: "bigint" };
const insertLines = bulkInsert("ready_line", { ...lineKey, turn: "bigint" }, { onConflict: "DO NOTHING" });
const moveLines = bulk(
  "move_ready_line",
  { job: "bigint", turn: "bigint" },
  (rows) => `UPDATE ready_line SET turn = u.turn FROM ${rows} WHERE ready_line.job = u.job`,
);
const deleteVoidLines = bulk(
  "delete_void_ready_line",
  lineKey,
  (rows) => `DELETE FROM ready_line USING ${rows} WHERE ready_line.job = u.job AND ready_line.bucket = u.bucket
   AND NOT EXISTS (SELECT 1 FROM ready r WHERE r.job = u.job AND r.bucket = u.bucket)`,
);

/** Turns given by one transaction are fewer. */
const TURNS_PER_EPOCH = 1_000_000;

/**
 * The ready queue in the record, as lines and runs.
 *
 * Of the lines whose turn it is, as many as claims can use are read into a {@link ReadyQueue}, which holds the rules; what
 * it gives out is written back. Tasks that became ready in the open transaction are offered before they are stored.
 */
export class ReadyTable {
  readonly #sql: Writer;
  #pending: ReadyRun[] = [];
  /** Buckets known to have no runs in the record. */
  readonly #empty = new Set<number>();
  readonly #runs = new Rows(insertRuns);
  readonly #shorter = new Rows(shortenRuns);
  readonly #gone = new Rows(deleteRuns);
  readonly #lines = new Rows(insertLines);
  readonly #moved = new Rows(moveLines);
  readonly #voidLines = new Rows(deleteVoidLines);
  #turn = 0;

  constructor(sql: Writer) {
    this.#sql = sql;
  }

  /** Begins a transaction. */
  begin(epoch: number): void {
    this.#turn = epoch * TURNS_PER_EPOCH;
  }

  /** Offers tasks; they are stored with the transaction unless they are taken before. */
  add(run: ReadyRun): void {
    const before = this.#pending.at(-1);
    const continues =
      before !== undefined && before.group === run.group && before.spec === run.spec && before.last + 1 === run.first;
    if (continues) this.#pending[this.#pending.length - 1] = { ...before, last: run.last };
    else this.#pending.push(run);
  }

  /** What those buckets have on offer: at most `lines` lines of each, with `runs` runs. */
  async offer(buckets: readonly Bucket[], limits: { lines: number; runs: number }): Promise<Offer> {
    const asked = buckets.filter(({ seq }) => !this.#empty.has(seq));
    const rows =
      asked.length === 0
        ? []
        : await this.#sql.ask(linesInTurn, [numbers(asked.map(({ seq }) => seq)), limits.lines, limits.runs]);
    const wanted = new Map(buckets.map((bucket) => [bucket.seq, bucket]));
    const pending = this.#pending.filter(({ bucket }) => wanted.has(bucket.seq));
    return new Offer({ rows, asked, wanted, pending, limits });
  }

  /** Writes back what was taken of an offer. */
  settle(offer: Offer): void {
    for (const run of offer.stored) {
      if (run.first === run.taken) continue;
      const key = [run.job, run.bucket.seq, run.depth, run.queuedAtUs, run.last];
      if (run.first > run.last) {
        this.#gone.add(...key);
        this.#voidLines.add(run.job, run.bucket.seq);
      } else this.#shorter.add(...key, run.first);
    }
    this.#pending = this.#pending.filter((run) => run.first <= run.last);
    for (const [job, bucket] of offer.voidLines) this.#voidLines.add(job, bucket);
    for (const job of offer.served) this.#moved.add(job, this.#nextTurn());
    for (const bucket of offer.emptied()) this.#empty.add(bucket);
  }

  /** Takes how many tasks are to be announced, by queue: those that became ready and are still on offer. */
  countPending(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { bucket, first, last } of this.#pending) {
      counts.set(bucket.queue, (counts.get(bucket.queue) ?? 0) + last - first + 1);
    }
    return counts;
  }

  /** Sends what changed. */
  flush(): void {
    const lines = new Set<string>();
    for (const { job, bucket, depth, group, spec, first, last, queuedAtUs } of this.#pending) {
      this.#empty.delete(bucket.seq);
      this.#runs.add(job, bucket.seq, depth, last, first, group, spec, queuedAtUs);
      const line = `${job} ${bucket.seq}`;
      if (!lines.has(line)) this.#lines.add(job, bucket.seq, this.#nextTurn());
      lines.add(line);
    }
    this.#pending = [];
    for (const rows of this.#buffers()) if (rows.size > 0) this.#sql.send(rows.bulk.statement, rows.take());
  }

  /** Drops everything. */
  clear(): void {
    this.#pending = [];
    this.#empty.clear();
    for (const rows of this.#buffers()) rows.clear();
  }

  /** Runs go before lines, as a line is void only once its runs are gone and never while it has new ones. */
  #buffers(): readonly Rows[] {
    return [this.#gone, this.#shorter, this.#runs, this.#lines, this.#voidLines, this.#moved];
  }

  #nextTurn(): number {
    return ++this.#turn;
  }
}

interface OfferContents {
  rows: readonly SqlRow[];
  asked: readonly Bucket[];
  wanted: ReadonlyMap<number, Bucket>;
  pending: readonly ReadyRun[];
  limits: { lines: number; runs: number };
}

/** Some of the ready queue in memory, for claims to take from. */
export class Offer {
  readonly #queue = new ReadyQueue();
  readonly #runs: ReadyRun[];
  readonly #limits: { lines: number; runs: number };
  readonly #asked: readonly Bucket[];
  /** Buckets of which not everything was read. */
  readonly #truncated = new Set<number>();
  readonly #served = new Set<number>();
  /** Runs of the record, and where each began. */
  readonly stored: (StoredRun & { taken: number })[] = [];
  /** Lines without runs. */
  readonly voidLines: [job: number, bucket: number][] = [];
  /** Rows of the groups of the stored runs. */
  readonly groupRows: SqlRow[] = [];

  constructor({ rows, asked, wanted, pending, limits }: OfferContents) {
    this.#limits = limits;
    this.#asked = asked;
    this.#read(rows, wanted);
    this.#runs = [...this.stored, ...pending];
    for (const { bucket, job, depth, first, last, queuedAtUs } of this.#runs) {
      this.#queue.add(bucket, { job, depth, from: first, to: last, queuedAtUs });
    }
    this.#runs.sort((a, b) => a.first - b.first);
  }

  /** Whether the record may have more than was read. */
  get isTruncated(): boolean {
    return this.#truncated.size > 0;
  }

  /** Takes up to `limit` tasks, best first. */
  take(match: ReadyMatch, limit: number, nowUs: number): TakenTasks[] {
    const taken: TakenTasks[] = [];
    for (const { from, to } of this.#queue.take(match, limit, nowUs)) {
      for (let next = from; next <= to; ) {
        const run = this.#runAt(next);
        const end = Math.min(to, run.last);
        taken.push({ run, from: next, to: end });
        run.first = end + 1;
        this.#served.delete(run.job);
        this.#served.add(run.job);
        next = end + 1;
      }
    }
    return taken;
  }

  /** Jobs that were served and have more in the record, those served last at the end. */
  get served(): number[] {
    const left = new Set<number>();
    for (const { job, first, last, bucket } of this.stored) {
      if (first <= last || this.#truncated.has(bucket.seq)) left.add(job);
    }
    return [...this.#served].filter((job) => left.has(job));
  }

  /** Buckets that have nothing left in the record. */
  emptied(): number[] {
    const left = new Set(this.#truncated);
    for (const { first, last, bucket } of this.stored) if (first <= last) left.add(bucket.seq);
    return this.#asked.map(({ seq }) => seq).filter((seq) => !left.has(seq));
  }

  #read(rows: readonly SqlRow[], wanted: ReadonlyMap<number, Bucket>): void {
    const lines = new Map<number, Map<number, number>>();
    for (const row of rows) {
      const [bucketSeq, job, depth, last, first, spec, queuedAtUs] = row as number[];
      const runs = lines.get(bucketSeq!) ?? new Map<number, number>();
      lines.set(bucketSeq!, runs);
      if (last === null) {
        runs.set(job!, 0);
        this.voidLines.push([job!, bucketSeq!]);
        continue;
      }
      const count = (runs.get(job!) ?? 0) + 1;
      runs.set(job!, count);
      if (count >= this.#limits.runs) this.#truncated.add(bucketSeq!);
      const group = row.slice(7, 7 + GROUP_WIDTH);
      this.groupRows.push(group);
      this.stored.push({
        stored: true,
        job: job!,
        bucket: wanted.get(bucketSeq!)!,
        depth: depth!,
        group: group[0] as number,
        spec: spec!,
        first: first!,
        last: last!,
        queuedAtUs: queuedAtUs!,
        taken: first!,
      });
    }
    for (const [bucket, runs] of lines) if (runs.size >= this.#limits.lines) this.#truncated.add(bucket);
  }

  #runAt(task: number): ReadyRun {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle]!.first <= task) low = middle;
      else high = middle - 1;
    }
    // Runs that were used up begin where the next one does.
    while (this.#runs[low]!.last < task) low++;
    return this.#runs[low]!;
  }
}
