import { SpanloomError, TaskState } from "@spanloom/protocol";
import { attemptDeadlineUs, newLeaseToken } from "../../engine/lease.ts";
import type { TakenRun } from "../../engine/ready-queue.ts";
import type { ClaimRequest, Lease } from "../store.ts";
import { displace } from "./admit.ts";
import type { Control } from "./control.ts";
import type { SqlValue } from "./database.ts";
import { type InlineDependencies, inlineDependencies } from "./dependencies.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { loadBytes, payloadKinds } from "./payloads.ts";
import type { RunnerWork } from "./runner-table.ts";
import type { RunningWork } from "./running-attempts.ts";

interface ClaimContext {
  runner: RunnerWork;
  leaseMs: number;
  /** One for all leases of a claim: a lease is named by task, attempt and token together (I2). */
  token: Uint8Array;
  /** By group: its tasks share their dependencies. */
  dependencies: Map<number, InlineDependencies>;
}

/**
 * Leases up to `limit` ready tasks to a runner, in the order of the ready queue; fewer when they are large, so that the
 * answer stays near `maxLeaseBytes`.
 */
export function claim(control: Control, request: ClaimRequest, runner: RunnerWork): Lease[] {
  const { queues, identifiers, limit, leaseMs } = request;
  const match = { queues, identifiers, refused: runner.refused };
  const context = { runner, leaseMs, token: newLeaseToken(), dependencies: new Map() };
  const leases: Lease[] = [];
  let bytes = 0;
  for (let most = FIRST_CHUNK; leases.length < limit && bytes < control.options.maxLeaseBytes; most = CHUNK) {
    const wanted = Math.min(most, limit - leases.length);
    const from = leases.length;
    for (const run of control.ready.take(match, wanted, control.nowUs)) claimRun(control, run, context, leases);
    for (const lease of leases.slice(from)) bytes += leaseBytes(lease);
    if (leases.length - from < wanted) break;
  }
  if (leases.length > 0) control.changes.addDue(control.nowUs + leaseMs * 1000);
  // What was passed over for its rate limit goes on when the window ends.
  control.changes.addDue(control.ready.admission.nextWindowUs(control.nowUs));
  // What did not fit was announced as if this runner would take it: somebody else must hear of it.
  if (bytes >= control.options.maxLeaseBytes) for (const queue of queues) control.changes.addReady(queue, 1);
  return leases;
}

/** Tasks are taken in chunks, as their size is known only then: the first is small in case all are as large as can be. */
const FIRST_CHUNK = 16;
const CHUNK = 100;

/** What a lease adds to an answer, about: dependencies shared in memory are sent with each of their tasks. */
function leaseBytes({ input, dependencies }: Lease): number {
  let bytes = input.length;
  for (const { output } of dependencies) bytes += output.length;
  return bytes;
}

/** One statement leases consecutive tasks: 100 cost 40 % of 100 statements. */
const CLAIM_SQL = `UPDATE task SET state = ${TaskState.RUNNING}, outcome = 0, attempt = attempt + 1, runner = ?, token = ?,
  leased_at = ?, lease_ms = ? WHERE seq BETWEEN ? AND ? AND state = ${TaskState.QUEUED}
  RETURNING seq, task_group, spec, attempt, counted, losses, queued_at, backoff_us, display, input`;

function claimRun(control: Control, run: TakenRun, context: ClaimContext, leases: Lease[]): void {
  const { runner, token, leaseMs } = context;
  const rows = control.db.rows(CLAIM_SQL, runner.seq, token, control.nowUs, leaseMs, run.from, run.to);
  if (rows.length !== run.to - run.from + 1) {
    const message = `cannot lease tasks ${run.from}..${run.to}: ${rows.length} of them are queued`;
    throw new SpanloomError("INTERNAL", message);
  }
  for (const row of rows) leases.push(claimRow(control, row, context));
  const { concurrency } = control.specs.get(rows[0]![2] as number);
  if (concurrency !== undefined) displace(control, concurrency);
}

function claimRow(control: Control, row: readonly SqlValue[], context: ClaimContext): Lease {
  const [seq, groupSeq, specSeq, attempt, counted, losses, queuedAt, backoff] = row as number[];
  const group = control.groups.get(groupSeq!);
  const job = control.jobs.get(group.job);
  const spec = control.specs.get(specSeq!);
  const deadlineUs = attemptDeadlineUs(control.nowUs, spec.attemptTimeoutMs, job.deadlineUs);
  const work: RunningWork = {
    seq: seq!,
    taskId: taskIdOf(group, seq!),
    group: group.seq,
    job: job.seq,
    spec,
    attempt: attempt!,
    counted: counted!,
    losses: losses!,
    token: context.token,
    runner: context.runner,
    leasedAtUs: control.nowUs,
    queuedAtUs: queuedAt ?? group.unblockedAtUs ?? group.createdAtUs,
    backoffUs: backoff ?? 0,
    deadlineUs,
    expiresAtUs: control.nowUs + context.leaseMs * 1000,
    progress: [],
    stop: undefined,
    fenceAtUs: undefined,
    doomed: false,
  };
  control.running.add(work);
  control.counts.leased(spec.queue, control.nowUs - work.queuedAtUs);
  job.startedAtUs ??= control.nowUs;
  job.attempts++;
  control.jobIndex.noteLease(context.runner.seq, job);
  control.jobs.move(job, TaskState.QUEUED, TaskState.RUNNING);
  control.changes.jobs.add(job.id);
  control.changes.tasks.add(work.taskId);
  if (deadlineUs !== undefined) control.changes.addDue(deadlineUs);
  const dependencies = dependenciesOf(control, group, context);
  return {
    taskId: work.taskId,
    jobId: job.id,
    jobName: job.name,
    ...(group.parent !== undefined && { parentId: parentIdOf(control, group.parent) }),
    name: spec.name,
    major: spec.major,
    minor: spec.minor,
    queue: spec.queue,
    input: loadBytes(control.db, work.seq, payloadKinds.input, row[9]!),
    display: (row[8] as string | null) ?? "",
    attempt: work.attempt,
    attemptsLeft: Math.max(0, spec.retry.maxAttempts - work.counted - 1),
    token: work.token,
    expiresAtUs: work.expiresAtUs,
    ...(deadlineUs !== undefined && { deadlineUs }),
    trace: job.trace,
    dependencies: dependencies.list,
    dependenciesPaged: dependencies.paged,
  };
}

const NO_DEPENDENCIES: InlineDependencies = { list: [], paged: false };

function dependenciesOf(control: Control, group: GroupWork, { dependencies }: ClaimContext): InlineDependencies {
  if (group.dependsOn.length === 0) return NO_DEPENDENCIES;
  const found = dependencies.get(group.seq) ?? inlineDependencies(control, group);
  dependencies.set(group.seq, found);
  return found;
}

/** Id of a task by its row. */
export function parentIdOf(control: Control, task: number): string {
  return taskIdOf(control.groups.get(groupOfTask(control, task)), task);
}

function groupOfTask(control: Control, task: number): number {
  return control.db.row("SELECT task_group FROM task WHERE seq = ?", task)![0] as number;
}
