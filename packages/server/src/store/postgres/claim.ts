import { SpanloomError, TaskState } from "@spanloom/protocol";
import type { WindowRecord } from "../../engine/admission.ts";
import { attemptDeadlineUs, newLeaseToken } from "../../engine/lease.ts";
import type { ClaimRequest, Lease } from "../store.ts";
import { bulk, numbers, Rows } from "./bulk.ts";
import type { Control } from "./control.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { type InlineDependencies, inlineDependencies } from "./inline-dependencies.ts";
import type { NewRun } from "./new-tasks.ts";
import { OFFER_GATE, OFFER_SPEC, type Offer, type OfferLimits, type TakenTasks } from "./ready-table.ts";
import { reopenWindows } from "./reopen-gates.ts";
import type { RunnerWork } from "./runner-table.ts";
import type { Bucket } from "./specs.ts";
import { unwritten } from "./tasks.ts";
import type { SqlRow } from "./writer.ts";

/** A claim and what it has got so far. */
export interface ClaimWork {
  readonly request: ClaimRequest;
  readonly runner: RunnerWork;
  readonly taken: TakenTasks[];
  count: number;
  /** Bytes to send with the tasks it has, about. */
  bytes: number;
  leases: Lease[];
}

/** A claim that has got nothing yet. */
export function newClaim(request: ClaimRequest, runner: RunnerWork): ClaimWork {
  return { request, runner, taken: [], count: 0, bytes: 0, leases: [] };
}

/** Tasks are taken in chunks, as their size is known only then: the first is small in case all are as large as can be. */
const FIRST_CHUNK = 16;
const CHUNK = 100;
/** Runs of a line that are read at first; four times as many whenever that was not enough. */
const FIRST_RUNS = 16;
/** Lines of a bucket that are read at once; a claim that wants more reads again. */
const MAX_LINES = 2_000;

/**
 * Serves all claims of a round together, in the order of the ready queue: one statement offers, one leases.
 *
 * A claim gets up to its limit; fewer when tasks are large, so that the answer stays near `maxLeaseBytes`.
 */
export async function serveClaims(control: Control): Promise<void> {
  const claims = control.claims.splice(0);
  if (claims.length === 0) return;
  const turned = new Set<WindowRecord>();
  for (let runs = FIRST_RUNS; ; runs *= 4) {
    const open = claims.filter((claim) => wants(control, claim));
    const buckets = matchingBuckets(control, open);
    if (buckets.length === 0) break;
    const wanted = open.reduce((sum, { request, count }) => sum + request.limit - count, 0);
    const offer = await offerTo(control, buckets, { lines: Math.min(wanted, MAX_LINES), runs }, turned);
    offer.open();
    for (const claim of open) takeFor(control, claim, offer);
    control.ready.settle(offer);
    // Lines that are set aside already may wait for them, too.
    for (const endUs of [...control.places.takeWindows(offer.admission), ...offer.windowEnds()]) {
      control.changes.addDue(endUs);
    }
    if (!offer.isTruncated || open.every((claim) => !wants(control, claim))) break;
  }
  await leaseTaken(control, claims);
}

/**
 * What is on offer, with what was set aside until windows ended that are over now. Those are `turned` once: what is set aside
 * after that waits for something else.
 */
async function offerTo(
  control: Control,
  buckets: readonly Bucket[],
  limits: OfferLimits,
  turned: Set<WindowRecord>,
): Promise<Offer> {
  const offer = await readOffer(control, buckets, limits);
  const over = control.places.over(offer.gates(), control.nowUs).filter((window) => !turned.has(window));
  if (over.length === 0) return offer;
  for (const window of over) turned.add(window);
  await reopenWindows(control, over);
  return readOffer(control, buckets, limits);
}

async function readOffer(control: Control, buckets: readonly Bucket[], limits: OfferLimits): Promise<Offer> {
  const stored = await control.ready.read(buckets, limits);
  const gated = stored.rows.filter((row) => row[OFFER_GATE] !== 0).map((row) => row[OFFER_SPEC] as number | null);
  await control.specs.load(gated.filter((spec) => spec !== null));
  const offer = control.ready.offer(buckets, stored, (gate) => control.specs.gate(gate));
  control.groups.addRows(offer.groupRows);
  const gates = offer.gates();
  await control.places.load(gates);
  control.places.restore(offer.admission, gates);
  return offer;
}

function wants(control: Control, { request, count, bytes }: ClaimWork): boolean {
  return count < request.limit && bytes < control.options.maxLeaseBytes;
}

function matchingBuckets(control: Control, claims: readonly ClaimWork[]): Bucket[] {
  const matching: Bucket[] = [];
  for (const bucket of control.specs.buckets()) {
    if (claims.some((claim) => matches(claim, bucket))) matching.push(bucket);
  }
  return matching;
}

function matches({ request, runner }: ClaimWork, { queue, name, major, minor }: Bucket): boolean {
  if (!request.queues.includes(queue) || runner.refused.has(`${name}@${major}.${minor}`)) return false;
  return request.identifiers.some((offered) => {
    return offered.name === name && offered.major === major && offered.minor >= minor;
  });
}

function takeFor(control: Control, claim: ClaimWork, offer: Offer): void {
  const { request, runner } = claim;
  const match = { queues: request.queues, identifiers: request.identifiers, refused: runner.refused };
  for (let most = claim.count === 0 ? FIRST_CHUNK : CHUNK; wants(control, claim); most = CHUNK) {
    const wanted = Math.min(most, request.limit - claim.count);
    let got = 0;
    for (const taken of offer.take(match, wanted, control.nowUs)) {
      const count = taken.to - taken.from + 1;
      got += count;
      noteTaken(control, taken);
      claim.bytes += count * bytesOf(control, control.groups.get(taken.run.group));
      claim.taken.push(taken);
    }
    claim.count += got;
    if (got < wanted) break;
  }
  // What did not fit was announced as if this runner would take it: somebody else must hear of it.
  if (claim.bytes >= control.options.maxLeaseBytes) {
    for (const queue of request.queues) control.changes.addReady(queue, 1);
  }
}

/** What is offered next must know of the places that are taken. */
function noteTaken(control: Control, { run: { gate }, from, to }: TakenTasks): void {
  if (gate === undefined) return;
  control.places.queue(gate, from - to - 1);
  for (let seq = from; seq <= to; seq++) control.places.hold(gate, seq, control.nowUs);
  if (gate.concurrency !== undefined) control.places.displacing.set(gate.id, gate.concurrency);
}

/** What a task of a group adds to an answer, about: dependencies shared in memory are sent with each of their tasks. */
function bytesOf(control: Control, { inputBytes, count, dependencyBytes }: GroupWork): number {
  const inline = dependencyBytes > control.options.maxInlineDependencyBytes ? 0 : dependencyBytes;
  return inputBytes / count + inline;
}

const leaseTasks = bulk(
  "lease_task",
  {
    first: "bigint",
    last: "bigint",
    runner: "bigint",
    token: "bytea",
    lease: "bigint",
    leased_at: "bigint",
    expires_at: "bigint",
  },
  (rows) => `UPDATE task SET state = ${TaskState.RUNNING}, outcome = 0, attempt = task.attempt + 1, runner = u.runner,
    token = u.token, lease = u.lease, leased_at = u.leased_at, expires_at = u.expires_at FROM ${rows}
    WHERE task.seq BETWEEN u.first AND u.last AND task.state = ${TaskState.QUEUED}
    RETURNING task.seq, task.task_group, task.spec, task.attempt, task.counted, task.losses, task.queued_at,
    task.backoff_us, task.started_at, task.display, task.input`,
);
const insertLeases = bulk(
  "insert_lease",
  { seq: "bigint", runner: "bigint", due_at: "bigint", tasks: "text" },
  (rows) => `INSERT INTO lease (seq, runner, due_at, tasks) SELECT seq, runner, due_at, tasks::bigint[] FROM ${rows}`,
);

interface Token {
  token: Uint8Array;
  lease: number;
}

async function leaseTaken(control: Control, claims: readonly ClaimWork[]): Promise<void> {
  const served = claims.filter(({ taken }) => taken.length > 0);
  if (served.length === 0) return;
  const stored = new Rows(leaseTasks);
  const newRows: SqlRow[] = [];
  let expected = 0;
  const tokens = served.map((claim) => {
    // One for all leases of a claim: a lease is named by task, attempt and token together (I2).
    const token = { token: newLeaseToken(), lease: control.numbers.take("lease") };
    const expiresAtUs = control.nowUs + claim.request.leaseMs * 1000;
    for (const { from, to } of claim.taken) {
      const run = control.tasks.inserts.find(from);
      if (run !== undefined) newRows.push(...rowsOf(run, from, to));
      else stored.add(from, to, claim.runner.seq, token.token, token.lease, control.nowUs, expiresAtUs);
    }
    expected += claim.count;
    return token;
  });
  const groups = served.flatMap(({ taken }) => taken.map(({ run }) => control.groups.get(run.group)));
  const specs = served.flatMap(({ taken }) => taken.map(({ run }) => run.spec));
  const [rows, dependencies] = await Promise.all([
    leaseStored(control, stored),
    inlineDependencies(control, groups),
    control.jobs.load(groups.map(({ job }) => job)),
    control.specs.load(specs),
  ]);
  const bySeq = new Map([...rows, ...newRows].map((row) => [row[0] as number, row]));
  if (bySeq.size !== expected) {
    throw new SpanloomError("INTERNAL", `cannot lease ${expected} tasks: ${bySeq.size} of them are queued`);
  }
  const leases = new Rows(insertLeases);
  for (const [i, claim] of served.entries()) {
    leaseClaim(control, claim, { token: tokens[i]!, rows: bySeq, dependencies, leases });
  }
  leases.sendTo(control.sql);
}

/** Rows of tasks that are not inserted yet, as {@link leaseTasks} returns them. */
function rowsOf(run: NewRun, from: number, to: number): SqlRow[] {
  return Array.from({ length: to - from + 1 }, (_, i) => {
    const index = run.offset + from + i - run.first;
    const display = run.submitted.displays[index] || null;
    return [from + i, run.group, run.spec, 1, 0, 0, null, null, null, display, run.submitted.inputs[index]!];
  });
}

async function leaseStored(control: Control, rows: Rows): Promise<readonly SqlRow[]> {
  if (rows.size === 0) return [];
  // They may have become QUEUED in the open transaction.
  control.tasks.flushChanges();
  return rows.sendTo(control.sql);
}

interface LeaseContext {
  token: Token;
  rows: ReadonlyMap<number, SqlRow>;
  dependencies: ReadonlyMap<number, InlineDependencies>;
  leases: Rows;
}

function leaseClaim(control: Control, claim: ClaimWork, context: LeaseContext): void {
  const seqs: number[] = [];
  let dueUs = control.nowUs + claim.request.leaseMs * 1000;
  for (const { from, to } of claim.taken) {
    for (let seq = from; seq <= to; seq++) {
      const lease = leaseTask(control, claim, context, context.rows.get(seq)!);
      dueUs = Math.min(dueUs, lease.deadlineUs ?? dueUs);
      claim.leases.push(lease);
      seqs.push(seq);
    }
  }
  context.leases.add(context.token.lease, claim.runner.seq, dueUs, numbers(seqs));
  control.changes.addDue(dueUs);
}

const NO_BYTES = new Uint8Array(0);
const NO_DEPENDENCIES: InlineDependencies = { list: [], paged: false };

function leaseTask(control: Control, claim: ClaimWork, context: LeaseContext, row: SqlRow): Lease {
  const [seq, groupSeq, specSeq, attempt, counted, losses, queuedAt, backoff, startedAt] = row as number[];
  const group = control.groups.get(groupSeq!);
  const job = control.jobs.get(group.job);
  const spec = control.specs.get(specSeq!);
  const { token, lease } = context.token;
  const taskId = taskIdOf(group, seq!);
  const expiresAtUs = control.nowUs + claim.request.leaseMs * 1000;
  const deadlineUs = attemptDeadlineUs(control.nowUs, spec.attemptTimeoutMs, job.deadlineUs);
  const work = control.tasks.add({
    ...{ seq: seq!, taskId, group: group.seq, job: job.seq, spec: spec.seq },
    ...{ state: TaskState.RUNNING, outcome: 0, attempt: attempt!, counted: counted!, losses: losses! },
    doomed: false,
    ...{ runner: claim.runner.seq, token, lease, leasedAtUs: control.nowUs, expiresAtUs, attemptEndedAtUs: undefined },
    ...{ queuedAtUs: queuedAt ?? undefined, backoffUs: backoff ?? undefined, scheduledAtUs: undefined },
    ...{ startedAtUs: startedAt ?? undefined, endedAtUs: undefined, openGroups: undefined, childCount: undefined },
    ...{ spoiled: false, progress: [], stop: undefined, fenceAtUs: undefined },
    ...unwritten,
  });
  control.tasks.inserts.lease(work);
  control.runners.noteJob(claim.runner, job.seq);
  control.counts.leased(spec.queue, control.nowUs - (queuedAt ?? group.unblockedAtUs ?? group.createdAtUs));
  control.jobs.begin(job, control.nowUs);
  control.jobs.move(job, TaskState.QUEUED, TaskState.RUNNING);
  control.changes.jobs.add(job.id);
  control.changes.tasks.add(taskId);
  const dependencies = context.dependencies.get(group.seq) ?? NO_DEPENDENCIES;
  return {
    taskId,
    jobId: job.id,
    jobName: job.name,
    ...(group.parentId !== undefined && { parentId: group.parentId }),
    name: spec.name,
    major: spec.major,
    minor: spec.minor,
    queue: spec.queue,
    input: (row[10] as Uint8Array | null) ?? NO_BYTES,
    display: (row[9] as string | null) ?? "",
    attempt: attempt!,
    attemptsLeft: Math.max(0, spec.retry.maxAttempts - counted! - 1),
    token,
    expiresAtUs,
    ...(deadlineUs !== undefined && { deadlineUs }),
    trace: job.trace,
    dependencies: dependencies.list,
    dependenciesPaged: dependencies.paged,
  };
}
