import { createHash } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";
import type { NewTaskSet, NewTaskSpec, RetryRule } from "../store.ts";
import { bulkInsert, numbers, Rows, texts } from "./bulk.ts";
import type { SequenceNumbers } from "./sequence-numbers.ts";
import { statement } from "./statement.ts";
import type { SqlRow, Writer } from "./writer.ts";

/** What decides which runners may run a task, and how urgent it is. */
export interface Bucket {
  readonly seq: number;
  readonly queue: string;
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  readonly priority: number;
}

/** A spec with nothing left to inherit. */
export interface TaskSpecRecord {
  seq: number;
  bucket: Bucket;
  name: string;
  major: number;
  minor: number;
  queue: string;
  priority: number;
  retry: RetryRule;
  attemptTimeoutMs?: number;
  startDelayMs?: number;
  optional: boolean;
}

/** What a spec takes from where it stands. */
export interface Inherited {
  queue: string;
  priority: number;
}

const MAX_CACHED = 10_000;

const specColumns = "seq, encode(digest, 'hex'), bucket, body";
const specsBySeq = statement("write_specs_by_seq", `SELECT ${specColumns} FROM spec WHERE seq = ANY($1::bigint[])`);
const specsByDigest = statement(
  "specs_by_digest",
  `SELECT ${specColumns} FROM spec WHERE digest IN (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS u (hex))`,
);
const newBuckets = statement(
  "new_buckets",
  "SELECT seq, queue, name, major, minor, priority FROM bucket WHERE seq > $1::bigint ORDER BY seq",
);
const insertSpecs = bulkInsert("spec", { seq: "bigint", digest: "bytea", bucket: "bigint", body: "text" });
const insertBuckets = bulkInsert("bucket", {
  seq: "bigint",
  queue: "text",
  name: "text",
  major: "integer",
  minor: "integer",
  priority: "integer",
});

/** What tasks have in common, each distinct one stored once. Rows never change, so that what is known stays true. */
export class SpecTable {
  readonly #sql: Writer;
  readonly #numbers: SequenceNumbers;
  readonly #byDigest = new Map<string, TaskSpecRecord>();
  readonly #bySeq = new Map<number, TaskSpecRecord>();
  readonly #buckets = new Map<number, Bucket>();
  readonly #bucketKeys = new Map<string, Bucket>();
  #lastBucket = 0;
  /** Digests looked for in vain. */
  readonly #absent = new Set<string>();
  readonly #specRows = new Rows(insertSpecs);
  readonly #bucketRows = new Rows(insertBuckets);
  /** Whether the open transaction made any up. */
  #uncommitted = false;

  constructor(sql: Writer, numbers: SequenceNumbers) {
    this.#sql = sql;
    this.#numbers = numbers;
  }

  /** Specs of a set in order; those nobody used before are stored with the transaction. */
  async intern(set: NewTaskSet, inherited: Inherited): Promise<TaskSpecRecord[]> {
    const bodies = set.specs.map((spec) => bodyOf(spec, inherited));
    const digests = bodies.map(digestOf);
    const unknown = digests.filter((digest) => !this.#byDigest.has(digest) && !this.#absent.has(digest));
    if (unknown.length > 0) {
      this.#addRows(await this.#sql.ask(specsByDigest, [texts(unknown)]));
      for (const digest of unknown) if (!this.#byDigest.has(digest)) this.#absent.add(digest);
    }
    return digests.map((digest, i) => this.#byDigest.get(digest) ?? this.#insert(digest, bodies[i]!));
  }

  /** The record of a spec that was loaded before. */
  get(seq: number): TaskSpecRecord {
    const spec = this.#bySeq.get(seq);
    if (spec === undefined) throw new SpanloomError("INTERNAL", `cannot work with spec ${seq}: it was not read`);
    return spec;
  }

  /** Reads those of the specs that memory does not hold. */
  async load(seqs: Iterable<number>): Promise<void> {
    const missing = new Set<number>();
    for (const seq of seqs) if (!this.#bySeq.has(seq)) missing.add(seq);
    if (missing.size > 0) this.#addRows(await this.#sql.ask(specsBySeq, [numbers(missing)]));
  }

  /** A bucket by number. */
  bucket(seq: number): Bucket {
    return this.#buckets.get(seq)!;
  }

  /** All buckets there are. */
  buckets(): IterableIterator<Bucket> {
    return this.#buckets.values();
  }

  /** Learns what others added. */
  async reload(): Promise<void> {
    this.#absent.clear();
    const rows = await this.#sql.ask(newBuckets, [this.#lastBucket]);
    for (const [seq, queue, name, major, minor, priority] of rows) {
      this.#rememberBucket({ seq, queue, name, major, minor, priority } as Bucket);
    }
  }

  /** Sends what was made up. */
  flush(): void {
    for (const rows of [this.#bucketRows, this.#specRows]) {
      if (rows.size > 0) this.#sql.send(rows.bulk.statement, rows.take());
    }
  }

  /** Notes that what was made up is stored, and bounds the memory held. Only between transactions. */
  trim(): void {
    this.#uncommitted = false;
    if (this.#bySeq.size < MAX_CACHED) return;
    this.#byDigest.clear();
    this.#bySeq.clear();
  }

  /** Forgets what a rolled-back transaction may have made up. */
  dropUncommitted(): void {
    this.#absent.clear();
    this.#specRows.clear();
    this.#bucketRows.clear();
    if (!this.#uncommitted) return;
    this.#uncommitted = false;
    this.#byDigest.clear();
    this.#bySeq.clear();
    this.#buckets.clear();
    this.#bucketKeys.clear();
    this.#lastBucket = 0;
  }

  #insert(digest: string, body: string): TaskSpecRecord {
    this.#uncommitted = true;
    const seq = this.#numbers.take("spec");
    const bucket = this.#bucketOf(JSON.parse(body) as Bucket);
    this.#specRows.add(seq, Buffer.from(digest, "hex"), bucket.seq, body);
    return this.#remember(seq, { digest, bucket, body });
  }

  #bucketOf(spec: Omit<Bucket, "seq">): Bucket {
    const known = this.#bucketKeys.get(keyOf(spec));
    if (known !== undefined) return known;
    const { queue, name, major, minor, priority } = spec;
    const bucket = { seq: this.#numbers.take("bucket"), queue, name, major, minor, priority };
    this.#rememberBucket(bucket);
    this.#bucketRows.add(bucket.seq, queue, name, major, minor, priority);
    return bucket;
  }

  #rememberBucket(bucket: Bucket): void {
    this.#buckets.set(bucket.seq, bucket);
    this.#bucketKeys.set(keyOf(bucket), bucket);
    this.#lastBucket = Math.max(this.#lastBucket, bucket.seq);
  }

  #addRows(rows: readonly SqlRow[]): void {
    for (const [seq, digest, bucket, body] of rows as readonly [number, string, number, string][]) {
      if (!this.#bySeq.has(seq)) this.#remember(seq, { digest, bucket: this.bucket(bucket), body });
    }
  }

  #remember(seq: number, spec: { digest: string; bucket: Bucket; body: string }): TaskSpecRecord {
    const record = { ...JSON.parse(spec.body), seq, bucket: spec.bucket } as TaskSpecRecord;
    this.#byDigest.set(spec.digest, record);
    this.#bySeq.set(seq, record);
    return record;
  }
}

function keyOf({ queue, name, major, minor, priority }: Omit<Bucket, "seq">): string {
  return JSON.stringify([queue, name, major, minor, priority]);
}

function digestOf(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

function bodyOf(spec: NewTaskSpec, inherited: Inherited): string {
  return JSON.stringify({
    name: spec.name,
    major: spec.major,
    minor: spec.minor,
    queue: spec.queue ?? inherited.queue,
    priority: spec.priority ?? inherited.priority,
    retry: spec.retry,
    attemptTimeoutMs: spec.attemptTimeoutMs,
    queueTimeoutMs: spec.queueTimeoutMs,
    startDelayMs: spec.startDelayMs,
    optional: spec.optional,
    concurrency: spec.concurrency,
    rateLimit: spec.rateLimit,
  });
}
