import { createHash } from "node:crypto";
import { SpanloomError } from "@spanloom/protocol";
import { type Gate, gateOf } from "../../engine/admission.ts";
import type { NewTaskSet } from "../store.ts";
import { type TaskSpecRecord as CommonSpec, type Inherited, specBody } from "../task-spec.ts";
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

/** A spec with the numbers of what decides who may run it, and when. */
export interface TaskSpecRecord extends CommonSpec {
  bucket: Bucket;
  gate: StoredGate | undefined;
}

/** A gate with its number. */
export interface StoredGate extends Gate {
  readonly seq: number;
}

/** A spec as it is stored, and what it is found by. */
interface DescribedSpec {
  readonly digest: string;
  readonly body: string;
}

const MAX_CACHED = 20_000;

const specColumns = "seq, encode(digest, 'hex'), bucket, body, gate";
const specsBySeq = statement("write_specs_by_seq", `SELECT ${specColumns} FROM spec WHERE seq = ANY($1::bigint[])`);
const specsByDigest = statement(
  "specs_by_digest",
  `SELECT ${specColumns} FROM spec WHERE digest IN (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS u (hex))`,
);
const newBuckets = statement(
  "new_buckets",
  "SELECT seq, queue, name, major, minor, priority FROM bucket WHERE seq > $1::bigint ORDER BY seq",
);
const gatesByDigest = statement(
  "gates_by_digest",
  "SELECT seq, encode(digest, 'hex') FROM gate WHERE digest IN (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS u (hex))",
);
const refusingGate = statement("refusing_gate", "SELECT seq FROM gate WHERE policy = 'rejectNew' LIMIT 1");
const insertGates = bulkInsert("gate", {
  seq: "bigint",
  digest: "bytea",
  key: "text",
  places: "integer",
  policy: "text",
  rate_key: "text",
  rate_limit: "integer",
  window_ms: "double precision",
});
const insertSpecs = bulkInsert("spec", {
  seq: "bigint",
  digest: "bytea",
  bucket: "bigint",
  gate: "bigint",
  body: "text",
});
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
  /** Of sets that were sought by the open transaction. */
  readonly #sought = new Map<NewTaskSet, Inherited & { readonly specs: readonly DescribedSpec[] }>();
  /** Digests looked for in vain. */
  readonly #absent = new Set<string>();
  readonly #specRows = new Rows(insertSpecs);
  readonly #bucketRows = new Rows(insertBuckets);
  readonly #gateRows = new Rows(insertGates);
  readonly #gates = new Map<number, StoredGate>();
  /** By digest. */
  readonly #gateSeqs = new Map<string, number>();
  /** Whether the open transaction made any up. */
  #uncommitted = false;
  #hasRefusing = false;

  constructor(sql: Writer, numbers: SequenceNumbers) {
    this.#sql = sql;
    this.#numbers = numbers;
  }

  /** Begins a transaction. */
  begin(): void {
    this.#sought.clear();
  }

  /** Specs of a set in order; those nobody used before are stored with the transaction. */
  async intern(set: NewTaskSet, inherited: Inherited): Promise<TaskSpecRecord[]> {
    const sought = this.#sought.get(set);
    const isSame = sought?.queue === inherited.queue && sought.priority === inherited.priority;
    const described = isSame ? sought.specs : describe(set, inherited);
    if (described.some(({ digest }) => this.#isUnknown(digest))) await this.#find(described);
    return described.map(({ digest, body }) => this.#byDigest.get(digest) ?? this.#insert(digest, body));
  }

  /** Reads the specs of sets that are to be interned, all at once; buckets are known when `arriving` resolves. */
  async seek(sets: Iterable<readonly [NewTaskSet, Inherited]>, arriving: Promise<unknown>): Promise<void> {
    const unknown: DescribedSpec[] = [];
    for (const [set, inherited] of sets) {
      const specs = describe(set, inherited);
      this.#sought.set(set, { ...inherited, specs });
      for (const spec of specs) if (this.#isUnknown(spec.digest)) unknown.push(spec);
    }
    if (unknown.length > 0) await this.#find(unknown, arriving);
  }

  #isUnknown(digest: string): boolean {
    return !this.#byDigest.has(digest) && !this.#absent.has(digest);
  }

  async #find(described: readonly DescribedSpec[], arriving?: Promise<unknown>): Promise<void> {
    const unknown = new Map(described.map(({ digest, body }) => [digest, body]));
    // Asked for before anything is waited for, so that it travels along.
    const [rows] = await Promise.all([this.#sql.ask(specsByDigest, [texts(unknown.keys())]), arriving]);
    this.#addRows(rows);
    for (const digest of unknown.keys()) if (!this.#byDigest.has(digest)) this.#absent.add(digest);
    await this.#findGates([...unknown].filter(([digest]) => !this.#byDigest.has(digest)).map(([, body]) => body));
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

  /** Whether any gate refuses tasks, or one was made up that was never stored. */
  get hasRefusing(): boolean {
    return this.#hasRefusing;
  }

  /** A gate by number; known when a spec with it was read. */
  gate(seq: number): StoredGate | undefined {
    return this.#gates.get(seq);
  }

  /** Learns what others added. */
  async reload(): Promise<void> {
    this.#absent.clear();
    const [rows, refusing] = await Promise.all([
      this.#sql.ask(newBuckets, [this.#lastBucket]),
      this.#hasRefusing ? [] : this.#sql.ask(refusingGate, []),
    ]);
    if (refusing.length > 0) this.#hasRefusing = true;
    for (const [seq, queue, name, major, minor, priority] of rows) {
      this.#rememberBucket({ seq, queue, name, major, minor, priority } as Bucket);
    }
  }

  /** Sends what was made up. */
  flush(): void {
    for (const rows of [this.#bucketRows, this.#gateRows, this.#specRows]) {
      rows.sendTo(this.#sql);
    }
  }

  /** Notes that what was made up is stored, and bounds the memory held. Only between transactions. */
  trim(): void {
    this.#uncommitted = false;
    if (this.#bySeq.size < MAX_CACHED) return;
    this.#clear();
  }

  /** Forgets what a rolled-back transaction may have made up. */
  dropUncommitted(): void {
    this.#absent.clear();
    this.#specRows.clear();
    this.#bucketRows.clear();
    this.#gateRows.clear();
    if (!this.#uncommitted) return;
    this.#uncommitted = false;
    this.#clear();
    this.#buckets.clear();
    this.#bucketKeys.clear();
    this.#lastBucket = 0;
  }

  #clear(): void {
    this.#byDigest.clear();
    this.#bySeq.clear();
    this.#gates.clear();
    this.#gateSeqs.clear();
  }

  async #findGates(bodies: readonly string[]): Promise<void> {
    const gates = bodies.map((body) => gateOf(JSON.parse(body) as TaskSpecRecord)).filter((gate) => gate !== undefined);
    const unknown = new Set(gates.map(({ id }) => digestOf(id)).filter((digest) => !this.#gateSeqs.has(digest)));
    if (unknown.size === 0) return;
    const rows = await this.#sql.ask(gatesByDigest, [texts(unknown)]);
    for (const [seq, digest] of rows) this.#gateSeqs.set(digest as string, seq as number);
  }

  #insert(digest: string, body: string): TaskSpecRecord {
    this.#uncommitted = true;
    const seq = this.#numbers.take("spec");
    const spec = JSON.parse(body) as TaskSpecRecord;
    const bucket = this.#bucketOf(spec);
    const gate = this.#gateNumber(gateOf(spec));
    this.#specRows.add(seq, Buffer.from(digest, "hex"), bucket.seq, gate, body);
    return this.#remember(seq, { digest, bucket, body, gate });
  }

  /** Number of a gate; one that is new is stored with the transaction. */
  #gateNumber(gate: Gate | undefined): number {
    if (gate === undefined) return 0;
    const { id, concurrency, rateLimit } = gate;
    if (concurrency?.policy === "rejectNew") this.#hasRefusing = true;
    const digest = digestOf(id);
    const known = this.#gateSeqs.get(digest);
    if (known !== undefined) return known;
    const seq = this.#numbers.take("gate");
    this.#gateSeqs.set(digest, seq);
    this.#gateRows.add(
      ...[seq, Buffer.from(digest, "hex"), concurrency?.key, concurrency?.limit, concurrency?.policy],
      ...[rateLimit?.key, rateLimit?.limit, rateLimit?.windowMs],
    );
    return seq;
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

  #rememberGate(seq: number, gate: Gate | undefined): StoredGate | undefined {
    if (gate === undefined) return undefined;
    const known = this.#gates.get(seq) ?? { ...gate, seq };
    this.#gates.set(seq, known);
    return known;
  }

  #rememberBucket(bucket: Bucket): void {
    this.#buckets.set(bucket.seq, bucket);
    this.#bucketKeys.set(keyOf(bucket), bucket);
    this.#lastBucket = Math.max(this.#lastBucket, bucket.seq);
  }

  #addRows(rows: readonly SqlRow[]): void {
    for (const [seq, digest, bucket, body, gate] of rows as readonly [number, string, number, string, number][]) {
      if (!this.#bySeq.has(seq)) this.#remember(seq, { digest, bucket: this.bucket(bucket), body, gate });
    }
  }

  #remember(seq: number, spec: { digest: string; bucket: Bucket; body: string; gate: number }): TaskSpecRecord {
    const record = { ...JSON.parse(spec.body), seq, bucket: spec.bucket } as TaskSpecRecord;
    record.gate = this.#rememberGate(spec.gate, gateOf(record));
    this.#byDigest.set(spec.digest, record);
    this.#bySeq.set(seq, record);
    return record;
  }
}

function keyOf({ queue, name, major, minor, priority }: Omit<Bucket, "seq">): string {
  return JSON.stringify([queue, name, major, minor, priority]);
}

function describe({ specs }: NewTaskSet, inherited: Inherited): DescribedSpec[] {
  return specs.map((spec) => {
    const body = specBody(spec, inherited);
    return { digest: digestOf(body), body };
  });
}

function digestOf(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}
