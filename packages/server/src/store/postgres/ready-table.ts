import type { Admission } from "../../engine/admission.ts";
import { type ReadyMatch, ReadyQueue, type ReadySpec, type TakenRun } from "../../engine/ready-queue.ts";
import { bulk, bulkInsert, numbers, Rows } from "./bulk.ts";
import { GROUP_WIDTH, groupColumns } from "./groups.ts";
import type { Bucket, StoredGate } from "./specs.ts";
import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

/** Consecutive tasks of one group on offer; `last` is included. */
export interface ReadyRun {
  readonly job: number;
  readonly bucket: Bucket;
  readonly gate: StoredGate | undefined;
  readonly depth: number;
  readonly group: number;
  readonly spec: number;
  first: number;
  readonly last: number;
  readonly queuedAtUs: number;
  /** Whether its gate was found closed before it was stored. */
  isParked?: boolean;
}

/** Tasks taken from one run for one claim; `to` is included. */
export interface TakenTasks extends TakenRun {
  run: ReadyRun;
}

/** A run of the record. */
interface StoredRun extends ReadyRun {
  stored: true;
}

/**
 * Groups are looked up one by one, which LIMIT makes sure of. A join is planned for as many groups as there were when the
 * table was last analyzed: after the first ones it would read all of them for every claim, until that is done again.
 */
const linesInTurn = statement(
  "lines_in_turn",
  `SELECT l.bucket, l.job, r.depth, r.last, r.first, r.spec, r.queued_at, l.gate, r.task_group, ${groupColumns}
   FROM unnest($1::bigint[]) AS b (bucket)
   CROSS JOIN LATERAL (SELECT job, bucket, gate, turn FROM ready_line WHERE ready_line.bucket = b.bucket
     AND NOT parked AND NOT held ORDER BY turn FETCH FIRST ($2::integer) ROWS WITH TIES) l
   LEFT JOIN LATERAL (SELECT * FROM ready WHERE ready.job = l.job AND ready.bucket = l.bucket AND ready.gate = l.gate
     ORDER BY depth DESC, queued_at, last LIMIT $3::integer) r ON true
   LEFT JOIN LATERAL (SELECT * FROM task_group WHERE task_group.seq = r.task_group LIMIT 1) g ON true
   ORDER BY l.turn, r.depth DESC, r.queued_at, r.last`,
);

const insertRuns = bulkInsert("ready", {
  job: "bigint",
  bucket: "bigint",
  gate: "bigint",
  depth: "integer",
  last: "bigint",
  first: "bigint",
  task_group: "bigint",
  spec: "bigint",
  queued_at: "bigint",
});
const runKey = {
  job: "bigint",
  bucket: "bigint",
  gate: "bigint",
  depth: "integer",
  queued_at: "bigint",
  last: "bigint",
};
const sameRun = `ready.job = u.job AND ready.bucket = u.bucket AND ready.gate = u.gate
  AND ready.depth = u.depth
  AND ready.queued_at = u.queued_at AND ready.last = u.last`;
const shortenRuns = bulk(
  "shorten_ready",
  { ...runKey, first: "bigint" },
  (rows) => `UPDATE ready SET first = u.first FROM ${rows} WHERE ${sameRun}`,
);
const deleteRuns = bulk("delete_ready", runKey, (rows) => `DELETE FROM ready USING ${rows} WHERE ${sameRun}`);
const lineKey = { job: "bigint", bucket: "bigint", gate: "bigint" };
const sameLine = "ready_line.job = u.job AND ready_line.bucket = u.bucket AND ready_line.gate = u.gate";
/** A job's place in turn is that of its other lines, if it has any. */
const insertLines = bulk(
  "insert_ready_line",
  { ...lineKey, turn: "bigint", held: "boolean", parked: "boolean" },
  (rows) => `INSERT INTO ready_line (job, bucket, gate, turn, held, parked)
   SELECT u.job, u.bucket, u.gate, coalesce(l.turn, u.turn), u.held, u.parked FROM ${rows}
   LEFT JOIN LATERAL (SELECT turn FROM ready_line WHERE ready_line.job = u.job LIMIT 1) l ON true
   ON CONFLICT DO NOTHING`,
);
const parkLines = bulk(
  "park_ready_line",
  lineKey,
  (rows) => `UPDATE ready_line SET parked = true FROM ${rows} WHERE ${sameLine}`,
);
/** Where a line that waited for its gate stood in turn, the next one that waits stands then, too. */
const moveLines = bulk(
  "move_ready_line",
  { job: "bigint", turn: "bigint" },
  (rows) => `WITH moved AS (
     UPDATE ready_line l SET turn = u.turn FROM ${rows} WHERE l.job = u.job
     RETURNING l.job, l.bucket, l.gate, l.gate <> 0 AND NOT l.parked AND NOT l.held AS stands
   ) UPDATE ready_line l SET parked = false FROM (
     SELECT c.job, c.bucket, c.gate FROM (SELECT DISTINCT bucket, gate FROM moved WHERE stands) m
     CROSS JOIN LATERAL (SELECT w.job, w.bucket, w.gate FROM ready_line w
       WHERE w.gate = m.gate AND w.bucket = m.bucket AND w.parked AND NOT w.held
       AND w.job NOT IN (SELECT job FROM moved) ORDER BY w.turn LIMIT 1) c
   ) c WHERE l.job = c.job AND l.bucket = c.bucket AND l.gate = c.gate`,
);
const deleteVoidLines = bulk(
  "delete_void_ready_line",
  lineKey,
  (rows) => `DELETE FROM ready_line USING ${rows} WHERE ${sameLine}
   AND NOT EXISTS (SELECT 1 FROM ready r WHERE r.job = u.job AND r.bucket = u.bucket AND r.gate = u.gate)`,
);

/** What the queue asks of jobs. */
export interface ReadyJobs {
  /** Whether a job, which was loaded, waits for a place. */
  isHeld: (job: number) => boolean;
  /** Whether a job that was served may have more tasks on offer. */
  mayHaveMore: (job: number) => boolean;
}

/** Turns given by one transaction are fewer. */
const TURNS_PER_EPOCH = 1_000_000;

/**
 * The ready queue in the record, as lines and runs.
 *
 * Of the lines whose turn it is, as many as claims can use are read into a {@link ReadyQueue}, which holds the rules; what
 * it gives out is written back. Tasks that became ready in the open transaction are offered before they are stored.
 *
 * I1. Lines of one job have the same turn, which no other job has.
 * I2. Whoever is served goes behind all others, also those that became ready in the same transaction.
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
  readonly #parked = new Rows(parkLines);
  readonly #isHeld: (job: number) => boolean;
  readonly #mayHaveMore: (job: number) => boolean;
  /** Jobs served in the open transaction, the last one at the end. */
  readonly #served = new Set<number>();
  #turn = 0;

  /** Takes what tells of a job what is known of it. */
  constructor(sql: Writer, { isHeld, mayHaveMore }: ReadyJobs) {
    this.#sql = sql;
    this.#isHeld = isHeld;
    this.#mayHaveMore = mayHaveMore;
  }

  /** Begins a transaction. */
  begin(epoch: number): void {
    this.#turn = epoch * TURNS_PER_EPOCH;
  }

  /** Offers tasks; they are stored with the transaction unless they are taken before. */
  add(run: ReadyRun): void {
    const before = this.#pending.at(-1);
    const continues =
      before?.group === run.group && !before.isParked && before.spec === run.spec && before.last + 1 === run.first;
    if (continues) this.#pending[this.#pending.length - 1] = { ...before, last: run.last };
    else this.#pending.push(run);
  }

  /** What those buckets have in the record, as rows: at most `lines` lines of each, with `runs` runs. */
  async read(buckets: readonly Bucket[], limits: OfferLimits): Promise<StoredOffer> {
    // What was taken before must not be offered again, and whoever was served goes behind what became ready since.
    if (this.#served.size > 0) this.flush();
    else this.#send();
    const asked = buckets.filter(({ seq }) => !this.#empty.has(seq));
    const values = [numbers(asked.map(({ seq }) => seq)), limits.lines, limits.runs];
    return { rows: asked.length === 0 ? [] : await this.#sql.ask(linesInTurn, values), asked, limits };
  }

  /** What those buckets have on offer: what was read, and what became ready in the open transaction. */
  offer(buckets: readonly Bucket[], stored: StoredOffer, gates: (seq: number) => StoredGate | undefined): Offer {
    const wanted = new Map(buckets.map((bucket) => [bucket.seq, bucket]));
    const pending = this.#pending.filter(({ job, bucket }) => wanted.has(bucket.seq) && !this.#isHeld(job));
    return new Offer({ stored, wanted, pending, gates });
  }

  /** Writes back what was taken of an offer. */
  settle(offer: Offer): void {
    for (const run of offer.stored) {
      if (run.first === run.taken) continue;
      const gate = run.gate?.seq ?? 0;
      const key = [run.job, run.bucket.seq, gate, run.depth, run.queuedAtUs, run.last];
      if (run.first > run.last) {
        this.#gone.add(...key);
        this.#voidLines.add(run.job, run.bucket.seq, gate);
      } else this.#shorter.add(...key, run.first);
    }
    this.#pending = this.#pending.filter((run) => run.first <= run.last);
    offer.parkPending();
    for (const line of offer.voidLines) this.#voidLines.add(...line);
    for (const line of offer.closedLines()) this.#parked.add(...line);
    for (const job of offer.served) {
      this.#served.delete(job);
      this.#served.add(job);
    }
    for (const bucket of offer.emptied()) this.#empty.add(bucket);
  }

  /** Forgets which buckets have no lines to take from: some came back. */
  forgetEmpty(): void {
    this.#empty.clear();
  }

  /** Takes how many tasks are to be announced, by queue: those that became ready and are still on offer. */
  countPending(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { job, bucket, first, last } of this.#pending) {
      if (this.#isHeld(job)) continue;
      counts.set(bucket.queue, (counts.get(bucket.queue) ?? 0) + last - first + 1);
    }
    return counts;
  }

  /** Sends what changed. */
  flush(): void {
    const lines = new Set<string>();
    const turns = new Map<number, number>();
    for (const run of this.#pending) {
      const { job, bucket, gate, depth, group, spec, first, last, queuedAtUs } = run;
      this.#empty.delete(bucket.seq);
      const key = [job, bucket.seq, gate?.seq ?? 0];
      this.#runs.add(...key, depth, last, first, group, spec, queuedAtUs);
      const line = key.join(" ");
      const turn = turns.get(job) ?? this.#nextTurn();
      turns.set(job, turn);
      if (!lines.has(line)) this.#lines.add(...key, turn, this.#isHeld(job), run.isParked === true);
      lines.add(line);
    }
    this.#pending = [];
    for (const job of this.#served) if (this.#mayHaveMore(job)) this.#moved.add(job, this.#nextTurn());
    this.#served.clear();
    this.#send();
  }

  #send(): void {
    for (const rows of this.#buffers()) rows.sendTo(this.#sql);
  }

  /** Drops everything. */
  clear(): void {
    this.#pending = [];
    this.#served.clear();
    this.#empty.clear();
    for (const rows of this.#buffers()) rows.clear();
  }

  /** Runs go before lines, as a line is void only once its runs are gone and never while it has new ones. */
  #buffers(): readonly Rows[] {
    return [this.#gone, this.#shorter, this.#runs, this.#lines, this.#voidLines, this.#parked, this.#moved];
  }

  #nextTurn(): number {
    return ++this.#turn;
  }
}

/** How much of the record is read at once. */
export interface OfferLimits {
  lines: number;
  runs: number;
}

/** Rows read for an offer. */
export interface StoredOffer {
  rows: readonly SqlRow[];
  asked: readonly Bucket[];
  limits: OfferLimits;
}

/** Column of the spec, and of the gate, in rows of an offer. */
export const OFFER_SPEC = 5;
export const OFFER_GATE = 7;
/** Where the group's columns begin. */
const GROUP_AT = 9;

/** Row of the line that an offer's row belongs to. */
type LineKey = [job: number, bucket: number, gate: number];

interface OfferContents {
  stored: StoredOffer;
  wanted: ReadonlyMap<number, Bucket>;
  pending: readonly ReadyRun[];
  gates: (seq: number) => StoredGate | undefined;
}

/** Some of the ready queue in memory, for claims to take from. */
export class Offer {
  readonly #queue = new ReadyQueue();
  readonly #runs: ReadyRun[];
  readonly #pending: readonly ReadyRun[];
  readonly #stored: StoredOffer;
  /** Buckets of which not all jobs were read. */
  readonly #truncated = new Set<Bucket>();
  /** Lines of which not all runs were read. */
  readonly #truncatedLines = new Map<string, { bucket: Bucket; spec: ReadySpec; job: number }>();
  /** Jobs that were served, those served last at the end. */
  readonly served = new Set<number>();
  #nowUs = 0;
  /** Runs of the record, and where each began. */
  readonly stored: (StoredRun & { taken: number })[] = [];
  /** Lines without runs. */
  readonly voidLines: LineKey[] = [];
  /** Rows of the groups of the stored runs. */
  readonly groupRows: SqlRow[] = [];

  constructor({ stored, wanted, pending, gates }: OfferContents) {
    this.#stored = stored;
    this.#read(wanted, gates);
    this.#pending = pending;
    this.#runs = [...this.stored, ...pending];
  }

  /** Rules of keys and windows, to be told what stands under them before anything is taken. */
  get admission(): Admission {
    return this.#queue.admission;
  }

  /** Gates of what is on offer. */
  gates(): StoredGate[] {
    return this.#runs.map(({ gate }) => gate).filter((gate) => gate !== undefined);
  }

  /** Puts what is on offer in turn. */
  open(): void {
    for (const run of this.stored) this.#add(run);
    // What became ready in the open transaction comes after everything in the record.
    this.#queue.endHere(this.#truncated, this.#truncatedLines.values());
    for (const run of this.#pending) this.#add(run);
    this.#runs.sort((a, b) => a.first - b.first);
  }

  #add({ bucket, gate, job, depth, first, last, queuedAtUs }: ReadyRun): void {
    this.#queue.add(specOf(bucket, gate), { job, depth, from: first, to: last, queuedAtUs });
  }

  /** Stored lines with tasks left that their gate does not let through. */
  closedLines(): LineKey[] {
    const lines = new Map<string, LineKey>();
    for (const { job, bucket, gate, first, last } of this.stored) {
      if (gate === undefined || first > last || !this.#isClosed(gate)) continue;
      lines.set(`${job} ${bucket.seq} ${gate.seq}`, [job, bucket.seq, gate.seq]);
    }
    return [...lines.values()];
  }

  /** Whether the record may have more than was read. */
  get isTruncated(): boolean {
    return this.#truncated.size + this.#truncatedLines.size > 0;
  }

  /** Takes up to `limit` tasks, best first. */
  take(match: ReadyMatch, limit: number, nowUs: number): TakenTasks[] {
    this.#nowUs = nowUs;
    const taken: TakenTasks[] = [];
    for (const { from, to } of this.#queue.take(match, limit, nowUs)) {
      for (let next = from; next <= to; ) {
        const run = this.#runAt(next);
        const end = Math.min(to, run.last);
        taken.push({ run, from: next, to: end });
        run.first = end + 1;
        this.served.delete(run.job);
        this.served.add(run.job);
        next = end + 1;
      }
    }
    return taken;
  }

  /** Buckets that have nothing left in the record. */
  emptied(): number[] {
    const left = new Set([...this.#truncated].map(({ seq }) => seq));
    for (const { bucket } of this.#truncatedLines.values()) left.add(bucket.seq);
    for (const { first, last, bucket, gate } of this.stored) {
      if (first <= last && (gate === undefined || !this.#isClosed(gate))) left.add(bucket.seq);
    }
    return this.#stored.asked.map(({ seq }) => seq).filter((seq) => !left.has(seq));
  }

  /** Marks what became ready in the open transaction and its gate does not let through. */
  parkPending(): void {
    for (const run of this.#runs) {
      if (run.gate !== undefined && run.first <= run.last && this.#isClosed(run.gate)) run.isParked = true;
    }
  }

  /** When windows end that keep tasks of the offer from being taken. */
  windowEnds(): number[] {
    const ends: number[] = [];
    for (const { gate, first, last } of this.#runs) {
      if (gate?.rateLimit === undefined || first > last || !this.#isClosed(gate)) continue;
      const lengthUs = gate.rateLimit.windowMs * 1000;
      ends.push((Math.floor(this.#nowUs / lengthUs) + 1) * lengthUs);
    }
    return ends;
  }

  #isClosed(gate: StoredGate): boolean {
    return this.admission.room(gate, this.#nowUs) === 0;
  }

  #read(wanted: ReadonlyMap<number, Bucket>, gates: (seq: number) => StoredGate | undefined): void {
    const { rows, limits } = this.#stored;
    const lines = new Map<number, Map<string, number>>();
    for (const row of rows) {
      const [bucketSeq, job, depth, last, first, spec, queuedAtUs, gateSeq, groupSeq] = row as number[];
      const runs = lines.get(bucketSeq!) ?? new Map<string, number>();
      lines.set(bucketSeq!, runs);
      const line = `${job} ${gateSeq}`;
      if (last === null) {
        runs.set(line, 0);
        this.voidLines.push([job!, bucketSeq!, gateSeq!]);
        continue;
      }
      const count = (runs.get(line) ?? 0) + 1;
      runs.set(line, count);
      if (count >= limits.runs) this.#cut(wanted.get(bucketSeq!)!, gates(gateSeq!), job!);
      const group = row.slice(GROUP_AT, GROUP_AT + GROUP_WIDTH);
      // Groups of the open transaction may not be in the record yet, though what they offer is.
      if (group[0] !== null) this.groupRows.push(group);
      this.stored.push({
        ...{ stored: true, job: job!, bucket: wanted.get(bucketSeq!)!, gate: gates(gateSeq!), depth: depth! },
        ...{
          group: groupSeq!,
          spec: spec!,
          first: first!,
          last: last!,
          queuedAtUs: queuedAtUs!,
          taken: first!,
        },
      });
    }
    for (const [bucket, runs] of lines) if (runs.size >= limits.lines) this.#truncated.add(wanted.get(bucket)!);
  }

  #cut(bucket: Bucket, gate: StoredGate | undefined, job: number): void {
    this.#truncatedLines.set(`${job} ${bucket.seq} ${gate?.seq ?? 0}`, { bucket, spec: specOf(bucket, gate), job });
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

/** What tasks of a bucket that wait for a gate must pass. */
function specOf(bucket: Bucket, gate: StoredGate | undefined): ReadySpec {
  return gate === undefined ? bucket : { ...bucket, gate };
}
