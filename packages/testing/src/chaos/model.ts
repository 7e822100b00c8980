import { CancellationReason, TaskState } from "@spanloom/protocol";
import type {
  CancellationRecord,
  ClaimRequest,
  Exchange,
  ExchangeOutcome,
  HeartbeatOutcome,
  MaintenanceOutcome,
  NewJob,
  ReportOutcome,
  RunningReport,
  SubmitOutcome,
} from "@spanloom/server/store";
import { addTasks, endAttempt } from "./model-attempts.ts";
import { checkTold } from "./model-cancellations.ts";
import { applyClaim } from "./model-claim.ts";
import { dueOf, earliestDueUs, queueDueUs } from "./model-due.ts";
import { applyForPlace, isJobRefused, letJobsIn } from "./model-job-places.ts";
import { leaveWindows, makeRoomEverywhere } from "./model-places.ts";
import { applyRetry, planRetry } from "./model-retry.ts";
import { doomJob, failQueued, queueFirst, queueTask, settleJob } from "./model-rules.ts";
import {
  demand,
  jobHasEnded,
  type ModelRunner,
  type ModelState,
  type ModelTask,
  newModelState,
} from "./model-state.ts";
import type { ModelTraits } from "./model-traits.ts";
import { type RuleContext, stopAttempt } from "./rule-context.ts";

/** How many tasks a retry runs again, or why it was refused. */
export type RetryAnswer = number | string;

/** An attempt as a report or a heartbeat names it. */
interface LeaseName {
  taskId: string;
  attempt: number;
  token: Uint8Array;
}

/**
 * The reference model: the control plane's rules over plain maps, written from the protocol's text and not from the code.
 *
 * It follows a store operation by operation: each method is shown what was asked and what the store answered, refuses an
 * answer the rules do not allow, and takes over where the rules leave a choice.
 */
export class ReferenceModel {
  readonly state: ModelState;
  /** The store as it is afterwards, where the rules leave something open. */
  seen: RuleContext["seen"] = () => undefined;
  /** Whether places that become free are given away only later, as a transaction of several operations may do. */
  holdsPlaces = false;
  /** Answers that are given only once all operations done at once are; undefined: each is given at once. */
  #late: { claims: (() => void)[]; answers: (() => void)[] } | undefined;
  /** Room to be made at the end: what waits may be gone by then. */
  readonly #roomLater: (() => void)[] = [];
  readonly #traits: ModelTraits;

  constructor(traits: ModelTraits, state: ModelState = newModelState()) {
    this.#traits = traits;
    this.state = state;
  }

  /** A copy to try an explanation on. */
  clone(): ReferenceModel {
    return new ReferenceModel(this.#traits, structuredClone(this.state));
  }

  /** Jobs were submitted in one request. */
  submit(nowUs: number, jobs: readonly NewJob[], outcomes: readonly SubmitOutcome[] | undefined): void {
    for (const [i, job] of jobs.entries()) this.#submit(nowUs, job, outcomes?.[i]);
    this.#finish();
  }

  #submit(nowUs: number, job: NewJob, outcome: SubmitOutcome | undefined): void {
    const { state } = this;
    const same = job.idempotencyKey === "" ? undefined : this.#jobWithKey(job.idempotencyKey);
    if (same !== undefined) {
      const kind = same.requestHash === job.requestHash ? "existed" : "conflict";
      const fits = outcome === undefined || (outcome.kind === kind && jobIdOf(outcome) === same.id);
      demand(fits, () => `key ${job.idempotencyKey} gave ${outcome?.kind}, not ${kind}`);
      return;
    }
    if (job.concurrency !== undefined) letJobsIn(state);
    const created = outcome === undefined || (outcome.kind === "created" && outcome.job.id === job.id);
    const refused = job.concurrency !== undefined && isJobRefused(state, job.concurrency);
    if (refused) {
      demand(
        outcome === undefined || outcome.kind === "rejected",
        () => `job ${job.id} was ${outcome?.kind}, not refused`,
      );
      return;
    }
    demand(created, () => `job ${job.id} was ${outcome?.kind}`);
    state.jobs.set(job.id, {
      id: job.id,
      submitted: job,
      doom: "none",
      failureType: undefined,
      failedTask: undefined,
      cancelReason: undefined,
      started: false,
      deadlineUs: job.deadlineUs,
      applied: false,
      admitted: true,
      order: 0,
      admittedOrder: 0,
    });
    const context = this.#at(nowUs);
    applyForPlace(context, state.jobs.get(job.id)!);
    addTasks(context, state.jobs.get(job.id)!, {
      set: job.tasks,
      parent: undefined,
      doom: "none",
      startAtUs: job.startAtUs,
    });
    settleJob(context, job.id);
  }

  #jobWithKey(key: string): NewJob | undefined {
    return [...this.state.jobs.values()].find(({ submitted }) => submitted.idempotencyKey === key)?.submitted;
  }

  /** A runner reported and asked for work. Without an answer nothing may have been asked for. */
  exchange(nowUs: number, { runnerId, reports, claim }: Exchange, outcome: ExchangeOutcome | undefined): void {
    const runner = this.#present(runnerId);
    const context = this.#at(nowUs);
    for (const [i, report] of reports.entries()) {
      const { result } = report;
      const task = this.#holder(report);
      const wanted = task === undefined ? this.#repeated(report) : "ok";
      const answer = outcome?.reports[i];
      demand(
        outcome === undefined || answer === wanted,
        () => `attempt ${report.attempt} of ${this.#nameOf(report)} gave ${answer}, not ${wanted}`,
      );
      if (task === undefined) continue;
      if (result.kind === "released" && result.unknownIdentifier) {
        runner.refused.add(`${task.spec.name}@${task.spec.major}.${task.spec.minor}`);
      }
      endAttempt(context, task, result, report);
    }
    if (outcome === undefined) {
      this.#finish();
      return;
    }
    const isAlone = this.#traits.answersLate && this.#late === undefined;
    if (isAlone) this.beginTogether();
    const wants = claim !== undefined && claim.limit > 0 && runner.state === "active";
    if (wants) this.#whenClaimsAreServed(() => applyClaim({ ...context, request: claim }, outcome.leases));
    else demand(outcome.leases.length === 0, () => `${outcome.leases.length} leases for a runner that may have none`);
    demand(
      outcome.drain === (runner.state === "draining"),
      () => `drain is ${outcome.drain} for a runner ${runner.state}`,
    );
    this.#whenAnswered(() => this.#checkCancellations(runnerId, outcome.cancellations));
    if (isAlone) this.endTogether();
    else this.#finish();
  }

  /** Operations are done at once from here on. */
  beginTogether(): void {
    if (this.#traits.answersLate) this.#late = { claims: [], answers: [] };
  }

  /** All operations done at once are done. */
  endTogether(): void {
    this.#serveClaims();
    this.#makeRoom();
    for (const answer of this.#late?.answers ?? []) answer();
    this.#late = undefined;
    this.holdsPlaces = false;
    this.#finish();
  }

  #whenClaimsAreServed(claim: () => void): void {
    if (this.#late === undefined) claim();
    else this.#late.claims.push(claim);
  }

  #whenAnswered(answer: () => void): void {
    if (this.#late === undefined) answer();
    else this.#late.answers.push(answer);
  }

  #makeRoom(): void {
    for (const make of this.#roomLater.splice(0)) make();
  }

  /** Serves claims that were put off; what became free meanwhile is given away before. */
  #serveClaims(): void {
    if (this.#late === undefined) return;
    const { holdsPlaces } = this;
    this.holdsPlaces = false;
    this.#finish();
    for (const claim of this.#late.claims.splice(0)) {
      claim();
      this.#finish();
    }
    this.holdsPlaces = holdsPlaces;
  }

  #present(runnerId: string): ModelRunner {
    const { runners } = this.state;
    const runner = runners.get(runnerId) ?? {
      id: runnerId,
      state: "active",
      offered: undefined,
      refused: new Set(),
      refusedBefore: new Set(),
    };
    runners.set(runnerId, runner);
    if (runner.state === "stopped") runner.state = "active";
    return runner;
  }

  /** The task whose running attempt this names, with its token. */
  #holder({ taskId, attempt, token }: LeaseName): ModelTask | undefined {
    const task = this.state.tasks.get(this.state.byId.get(taskId) ?? "");
    const last = task?.attempts.at(-1);
    if (task?.lease === undefined || last?.number !== attempt) return undefined;
    return last.token === Buffer.from(token).toString("hex") ? task : undefined;
  }

  #repeated({ taskId, attempt, token }: LeaseName): ReportOutcome {
    const task = this.state.tasks.get(this.state.byId.get(taskId) ?? "");
    const ended = task?.attempts[attempt - 1];
    return ended?.reported === true && ended.token === Buffer.from(token).toString("hex") ? "ok" : "stale";
  }

  #nameOf({ taskId }: LeaseName): string {
    return this.state.byId.get(taskId) ?? taskId;
  }

  #checkCancellations(runnerId: string, told: readonly CancellationRecord[]): void {
    const stopped = this.running().filter(({ lease, attempts }) => {
      return lease!.stop !== undefined && attempts.at(-1)!.runnerId === runnerId;
    });
    checkTold(runnerId, stopped, told);
  }

  /** Running attempts, in the order they were leased. */
  running(): ModelTask[] {
    const running = [...this.state.tasks.values()].filter(({ lease }) => lease !== undefined);
    return running.sort((a, b) => a.lease!.order - b.lease!.order);
  }

  /** A runner told what it runs. */
  heartbeat(
    nowUs: number,
    beat: { runnerId: string; running: readonly RunningReport[]; leaseMs: number },
    outcome: HeartbeatOutcome | undefined,
  ): void {
    const runner = this.#present(beat.runnerId);
    const extended: string[] = [];
    const lost: string[] = [];
    for (const report of beat.running) {
      const task = this.#holder(report);
      (task === undefined ? lost : extended).push(`${report.taskId} ${report.attempt}`);
      if (task === undefined) continue;
      const { lease } = task;
      lease!.expiresAtUs = Math.max(lease!.expiresAtUs, nowUs + beat.leaseMs * 1000);
      if (report.progress.length > 0) task.progress = report.progress;
      this.state.touched.add(task.jobId);
    }
    this.#finish();
    if (outcome === undefined) return;
    const list = (entries: HeartbeatOutcome["lost"]) =>
      entries
        .map(({ taskId, attempt }) => `${taskId} ${attempt}`)
        .sort()
        .join(", ");
    demand(list(outcome.extended) === extended.sort().join(", "), () => `extended [${list(outcome.extended)}]`);
    demand(list(outcome.lost) === lost.sort().join(", "), () => `lost [${list(outcome.lost)}], not [${lost}]`);
    demand(outcome.drain === (runner.state === "draining"), () => `drain is ${outcome.drain}`);
    this.#whenAnswered(() => this.#checkCancellations(beat.runnerId, outcome.cancelled));
  }

  /** A job was cancelled; one that has ended or failed stays as it is. */
  cancelJob(nowUs: number, jobId: string, cancelReason: string): void {
    // What was asked for before happens before: a claim may have got tasks of the job.
    this.#serveClaims();
    this.#makeRoom();
    const job = this.state.jobs.get(jobId)!;
    this.state.touched.add(jobId);
    if (job.doom !== "none" || jobHasEnded(this.state, jobId)) return;
    const context = this.#at(nowUs);
    doomJob(context, job, { doom: "cancelled", cancelReason, reason: CancellationReason.JOB_CANCELLED });
    settleJob(context, jobId);
    this.#finish();
  }

  /** An ended job was run again, all of its bad tasks or the named ones; an error's reason stands for a refusal. */
  retryJob(nowUs: number, jobId: string, keys: readonly string[], outcome: RetryAnswer): void {
    const { state } = this;
    const job = state.jobs.get(jobId)!;
    state.touched.add(jobId);
    const named = keys.map((key) => state.tasks.get(key)!);
    const foreign = named.some((task) => task.jobId !== jobId);
    const plan = jobHasEnded(state, jobId) && !foreign ? planRetry(state, job, named) : undefined;
    const rule = job.submitted.concurrency;
    if (rule !== undefined) letJobsIn(state);
    const refused = rule !== undefined && isJobRefused(state, rule);
    const wanted =
      plan === undefined
        ? foreign && jobHasEnded(state, jobId)
          ? "TASK_NOT_FOUND"
          : "INVALID_STATE"
        : refused
          ? "CONCURRENCY_REJECTED"
          : plan.rerun.size;
    demand(outcome === wanted, () => `the retry of job ${jobId} gave ${outcome}, not ${wanted}`);
    if (plan !== undefined && !refused) {
      const context = this.#at(nowUs);
      applyForPlace(context, job);
      applyRetry(context, job, plan);
    }
    this.#finish();
  }

  /**
   * The clock was looked at. Deadlines come first, then attempts, then wake-ups; attempts due at once may be dealt with in
   * any order, so the order is given.
   */
  maintain(nowUs: number, outcome: MaintenanceOutcome | undefined, dueInOrder: readonly string[]): void {
    const { state } = this;
    const context = this.#at(nowUs);
    state.maintainedUs = nowUs;
    this.#failOverdueJobs(context);
    const { lost, fenced } = this.#endOverdueAttempts({ ...context, inPass: true }, dueInOrder);
    const woken = this.#wake(context);
    this.#failOverdueTasks(context);
    for (const jobId of state.jobs.keys()) settleJob(context, jobId);
    if (outcome === undefined) {
      this.#finish();
      return;
    }
    const wanted = JSON.stringify({ lost, woken, fenced });
    const seen = JSON.stringify({ lost: outcome.lost, woken: outcome.woken, fenced: outcome.fenced });
    demand(seen === wanted, () => `maintenance did ${seen}, the model says ${wanted}`);
    this.#finish();
    const nextUs = this.earliestDueUs(nowUs);
    const next = outcome.nextDueUs ?? Infinity;
    demand(next <= nextUs, () => `maintenance wants to be called at ${next}, something is due at ${nextUs}`);
    demand(next > nowUs, () => `maintenance wants to be called again at once and did all there was`);
  }

  #failOverdueJobs(context: RuleContext): void {
    const { state } = this;
    for (const job of state.jobs.values()) {
      if (job.doom !== "none" || (job.deadlineUs ?? Infinity) > context.nowUs || jobHasEnded(state, job.id)) continue;
      doomJob(context, job, { doom: "failed", failureType: "DeadlineExceeded", reason: CancellationReason.TIMEOUT });
      settleJob(context, job.id);
    }
  }

  #endOverdueAttempts(context: RuleContext, dueInOrder: readonly string[]): { lost: number; fenced: number } {
    const { nowUs } = context;
    let lost = 0;
    let fenced = 0;
    for (const key of dueInOrder) {
      const task = this.state.tasks.get(key)!;
      const { lease } = task;
      if ((lease!.fenceAtUs ?? Infinity) <= nowUs) {
        endAttempt(context, task, { kind: "fenced" }, undefined);
        fenced++;
      } else if (lease!.expiresAtUs <= nowUs) {
        endAttempt(context, task, { kind: "lost" }, undefined);
        lost++;
      } else stopAttempt(context, task, CancellationReason.TIMEOUT);
    }
    return { lost, fenced };
  }

  #wake(context: RuleContext): number {
    const due = [...this.state.tasks.values()].filter(({ wakeUs }) => (wakeUs?.max ?? Infinity) <= context.nowUs);
    due.sort((a, b) => a.wakeUs!.max - b.wakeUs!.max);
    for (const task of due) (task.attempts.length === 0 ? queueFirst : queueTask)(context, task);
    return due.length;
  }

  #failOverdueTasks(context: RuleContext): void {
    const late = [...this.state.tasks.values()].filter((task) => queueDueUs(task) <= context.nowUs);
    failQueued(
      context,
      late.sort((a, b) => queueDueUs(a) - queueDueUs(b)),
      "QueueTimeout",
    );
  }

  /** Attempts something must be done about at a time, once overdue jobs are failed; in the order they were leased. */
  overdue(nowUs: number): ModelTask[] {
    return this.running().filter((task) => dueOf(task) <= nowUs);
  }

  /** When the next thing is due; Infinity when nothing is pending. */
  earliestDueUs(nowUs: number): number {
    return earliestDueUs(this.state, nowUs);
  }

  /** A runner said goodbye: what it runs is given back. */
  unregister(nowUs: number, runnerId: string): void {
    const runner = this.state.runners.get(runnerId);
    if (runner === undefined) return;
    for (const task of this.running()) {
      if (task.attempts.at(-1)!.runnerId !== runnerId || task.lease === undefined) continue;
      endAttempt(this.#at(nowUs), task, { kind: "released", unknownIdentifier: false }, undefined);
    }
    runner.state = "stopped";
    this.#finish();
  }

  /** A runner registered. One that comes back, or with other code, is offered again what it gave back as unknown. */
  register(runnerId: string, identifiers: ClaimRequest["identifiers"]): void {
    const before = this.state.runners.get(runnerId);
    const offered = JSON.stringify(identifiers);
    const isSame = before !== undefined && before.state !== "stopped" && before.offered === offered;
    const runner = this.#present(runnerId);
    runner.state = "active";
    runner.offered = offered;
    if (isSame) return;
    runner.refused.clear();
    runner.refusedBefore.clear();
  }

  /** A runner was told to drain. */
  drain(runnerId: string): void {
    const runner = this.state.runners.get(runnerId)!;
    if (runner.state === "active") runner.state = "draining";
  }

  /** The clock was set back: windows that began later are over, which the store learns when it looks at the clock. */
  clockWentBack(): void {
    this.state.maintainedUs = Number.NaN;
    this.state.passedForWindow.clear();
  }

  /** The store was closed, or broke off, and opened again. */
  restart(nowUs: number): void {
    this.state.passedOver.clear();
    this.state.passedForWindow.clear();
    for (const { refused, refusedBefore } of this.state.runners.values()) {
      for (const name of refused) refusedBefore.add(name);
      refused.clear();
    }
    if (!this.#traits.renewsLeases) return;
    // Jobs that wait for a place stand by age again, also one that asked anew when it was retried.
    for (const job of this.state.jobs.values()) if (!job.admitted) job.order = ++this.state.order;
    for (const task of this.running()) this.#renew(nowUs, task);
    // Who runs the longest is told by times again, not by the order of leases.
    const leasedAtUs = (task: ModelTask) => task.attempts.at(-1)!.leasedAtUs;
    const created = [...this.state.tasks.keys()];
    const running = this.running().sort(
      (a, b) => leasedAtUs(a) - leasedAtUs(b) || created.indexOf(a.key) - created.indexOf(b.key),
    );
    for (const task of running) task.lease!.order = ++this.state.order;
    makeRoomEverywhere(this.#at(nowUs));
  }

  #renew(nowUs: number, task: ModelTask): void {
    const lease = task.lease!;
    lease.expiresAtUs = nowUs + lease.leaseMs * 1000;
    lease.stop = undefined;
    lease.orStop = undefined;
    lease.fenceAtUs = undefined;
    const { doom } = this.state.jobs.get(task.jobId)!;
    if (doom === "cancelled") stopAttempt(this.#at(nowUs), task, CancellationReason.JOB_CANCELLED);
    else if (doom === "failed" || lease.doomed) stopAttempt(this.#at(nowUs), task, CancellationReason.JOB_FAILED);
  }

  #at(nowUs: number): RuleContext {
    leaveWindows(this.state, nowUs);
    const { graceMs, waitersByAge, answersLate } = this.#traits;
    const roomLater = answersLate ? this.#roomLater : undefined;
    return { state: this.state, nowUs, graceMs, waitersByAge, roomLater, seen: this.seen };
  }

  /** What follows from every operation. */
  #finish(): void {
    if (!this.holdsPlaces) letJobsIn(this.state);
    if (this.#late === undefined) this.#makeRoom();
    const { tasks, passedForWindow } = this.state;
    const ready = [...tasks.values()].filter(({ state }) => state === TaskState.QUEUED);
    for (const key of passedForWindow) if (tasks.get(key)!.state !== TaskState.QUEUED) passedForWindow.delete(key);
    const names = new Set(ready.map(({ jobId, spec }) => `${jobId} ${spec.priority}`));
    for (const name of this.state.passedOver.keys()) if (!names.has(name)) this.state.passedOver.delete(name);
  }
}

function jobIdOf(outcome: SubmitOutcome): string | undefined {
  if (outcome.kind === "rejected") return undefined;
  return outcome.kind === "conflict" ? outcome.jobId : outcome.job.id;
}
