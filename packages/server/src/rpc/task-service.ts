import { create } from "@bufbuild/protobuf";
import {
  AttemptReferenceSchema,
  type ClosedSpans,
  type HeartbeatRequest,
  HeartbeatResponseSchema,
  type LeaseTasksRequest,
  type LeaseTasksResponse,
  LeaseTasksResponseSchema,
  type Limits,
  type ListDependencyOutputsRequest,
  ListDependencyOutputsResponseSchema,
  type ResultAck,
  ResultAckSchema,
  ResultStatus,
  type TaskResult,
  TaskService,
  type TelemetryRejection,
  toErrorDetail,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import type { SpanHandout } from "../closed-spans/span-handout.ts";
import { checkLimit, requiredText } from "../engine/field.ts";
import { type CheckedResult, checkResult, toProgress } from "../engine/report.ts";
import { DEFAULT_QUEUE } from "../engine/submission.ts";
import { toIdentifiers } from "../engine/task-set.ts";
import { present } from "../present.ts";
import type { AttemptReport, ClaimRequest, ExchangeOutcome, Lease, ReportOutcome, Store } from "../store/store.ts";
import type { LeasedAttempt, Telemetry } from "../telemetry/telemetry.ts";
import type { CallContext } from "./call-context.ts";
import { CancellationNotices } from "./cancellation-notices.ts";
import { type LeaseWaiters, releaseLeases } from "./lease-waiters.ts";
import { decodeOffset, encodePageToken } from "./page-token.ts";
import { leaseMsField, pageSizeField, uuidField, waitMsField } from "./request-field.ts";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";
import type { TaskCounts } from "./task-counts.ts";
import { toCancellation, toDependency, toLeasedTask } from "./task-message.ts";
import { ingestTelemetry } from "./telemetry-intake.ts";

/** What TaskService needs. */
export interface TaskServiceOptions {
  store: Store;
  telemetry: Pick<Telemetry, "ingest" | "runnerTimes">;
  waiters: LeaseWaiters;
  handout: Pick<SpanHandout, "heard" | "catchUp" | "isReady" | "take" | "cutOff">;
  clock: Clock;
  limits: Limits;
  /** Counts what is refused, cut and given back. */
  counts?: TaskCounts;
}

/** TaskService over a store and the telemetry plane. */
export function taskService(options: TaskServiceOptions): ServiceRoute {
  const notices = new CancellationNotices();
  return serviceRoute(TaskService, {
    leaseTasks: (request, context) => leaseTasks(request, context, { ...options, notices }),
    heartbeat: (request) => heartbeat(request, { ...options, notices }),
    listDependencyOutputs: (request) => listDependencyOutputs(request, options),
  });
}

interface LeaseOptions extends TaskServiceOptions {
  notices: CancellationNotices;
}

/**
 * Telemetry, then results, then leases, then the wait.
 *
 * Telemetry comes first because a result that is acknowledged ends its job, and whoever sees the job ended must find
 * its spans (P2). It never stands in the way of the results (P4).
 */
async function leaseTasks(
  request: LeaseTasksRequest,
  context: CallContext,
  options: LeaseOptions,
): Promise<LeaseTasksResponse> {
  const { limits, telemetry, handout } = options;
  const runnerId = uuidField("runner_id", request.runnerId);
  checkLimit("results", request.results.length, limits.maxLeaseBatch, "results");
  const claim = toClaim(request, runnerId, limits);
  const waitMs = waitMsField(request.wait, limits, context.timeoutMs());
  const asks = request.closedSpans !== undefined;
  if (request.closedSpans) handout.heard({ runnerId, queues: queuesOf(request), request: request.closedSpans });
  const { clockOffsetNanos } = request;
  const sender = {
    runnerId,
    clockOffsetUs: clockOffsetNanos === undefined ? undefined : Number(clockOffsetNanos / 1000n),
  };
  const telemetryRejection = request.telemetry && (await ingestTelemetry(telemetry, sender, request.telemetry));
  const results = request.results.map((result) => checkResult(result, limits));
  const { runnerTimes } = telemetry;
  const reports = results.flatMap(({ report }) => {
    return report ? { ...report, spanExtras: runnerTimes.correctExtras(sender, report, report.spanExtras) } : [];
  });
  // Acknowledgements are never held back for a wait.
  const patienceMs = results.length > 0 ? 0 : waitMs;
  const outcome = await exchange({ runnerId, reports, claim, waitMs: patienceMs, context }, options);
  if (claim) runnerTimes.leased(outcome.leases.map((lease) => leasedAttempt(lease, claim)));
  if (options.counts) countResults(options.counts, request, results, outcome);
  const closedSpans = asks ? await takeClosedSpans(request, runnerId, { context, handout }) : [];
  return toResponse(request, results, outcome, { claim, telemetryRejection, closedSpans });
}

/** What has ended, for a runner that asks and is there to take it. */
async function takeClosedSpans(
  request: LeaseTasksRequest,
  runnerId: string,
  { context, handout }: Pick<TaskServiceOptions, "handout"> & { context: CallContext },
): Promise<ClosedSpans[]> {
  if (isFarewell(request)) await handout.catchUp(runnerId);
  if (!(context.isCutOff ?? context.signal.aborted)) return handout.take(runnerId);
  handout.cutOff(runnerId);
  return [];
}

/** Whether a runner neither leases nor reports: it asks for what has ended by now. */
function isFarewell({ maxTasks, results }: LeaseTasksRequest): boolean {
  return maxTasks === 0 && results.length === 0;
}

function countResults(
  counts: TaskCounts,
  request: LeaseTasksRequest,
  results: readonly CheckedResult[],
  outcome: ExchangeOutcome,
): void {
  let reported = 0;
  for (const [at, checked] of results.entries())
    counts.result(request.results[at]!, checked, checked.report && outcome.reports[reported++]);
}

function leasedAttempt({ taskId, attempt, expiresAtUs }: Lease, { leaseMs }: ClaimRequest): LeasedAttempt {
  return { taskId, attempt, leasedAtUs: expiresAtUs - leaseMs * 1000 };
}

/** What to lease; undefined when the runner only reports or has no code. */
function toClaim(request: LeaseTasksRequest, runnerId: string, limits: Limits): ClaimRequest | undefined {
  checkLimit("max_tasks", request.maxTasks, limits.maxLeaseBatch, "tasks");
  const leaseMs = leaseMsField(request.leaseDuration, limits);
  const identifiers = toIdentifiers(request.identifiers, "identifiers", limits);
  checkLimit("queues", request.queues.length, limits.maxPageSize, "queues");
  for (const [i, queue] of request.queues.entries()) requiredText(`queues[${i}]`, queue, limits.maxNameBytes);
  if (request.maxTasks === 0 || identifiers.length === 0) return undefined;
  return { runnerId, queues: queuesOf(request), identifiers, limit: request.maxTasks, leaseMs };
}

function queuesOf({ queues }: LeaseTasksRequest): string[] {
  return queues.length === 0 ? [DEFAULT_QUEUE] : [...new Set(queues)];
}

interface ExchangeCall {
  runnerId: string;
  reports: readonly AttemptReport[];
  claim: ClaimRequest | undefined;
  waitMs: number;
  context: CallContext;
}

/** One exchange; when it neither took nor gave anything, a wait for one that gives. */
async function exchange(
  { runnerId, reports, claim, waitMs, context }: ExchangeCall,
  { store, waiters, notices, handout, counts }: LeaseOptions,
): Promise<ExchangeOutcome> {
  const entry = claim && waitMs > 0 ? waiters.enter(claim) : undefined;
  const isWorthAnswering = (outcome: ExchangeOutcome): boolean =>
    outcome.drain || notices.isNews(runnerId, outcome.cancellations);
  try {
    const outcome = await store.exchange({ runnerId, reports, claim });
    if (outcome.leases.length > 0 && (context.isCutOff ?? context.signal.aborted)) {
      if (counts) counts.returnedLeases += outcome.leases.length;
      await releaseLeases(store, runnerId, outcome.leases);
      return { ...outcome, leases: [] };
    }
    if (outcome.leases.length > 0 || isWorthAnswering(outcome) || !entry || !claim) return outcome;
    // What comes later for the runner ends its wait.
    if (handout.isReady(runnerId)) return outcome;
    const later = await waiters.wait(entry, claim, { waitMs, signal: context.signal, isWorthAnswering });
    return later ?? outcome;
  } finally {
    entry?.leave();
  }
}

interface ResponseExtras {
  claim: ClaimRequest | undefined;
  telemetryRejection: TelemetryRejection | undefined;
  closedSpans: ClosedSpans[];
}

function toResponse(
  request: LeaseTasksRequest,
  results: readonly CheckedResult[],
  outcome: ExchangeOutcome,
  { claim, telemetryRejection, closedSpans }: ResponseExtras,
): LeaseTasksResponse {
  let reported = 0;
  return create(LeaseTasksResponseSchema, {
    tasks: outcome.leases.map((lease) => toLeasedTask(lease, claim?.leaseMs ?? 0)),
    resultAcks: results.map((checked, i) =>
      toAck(request.results[i] as TaskResult, checked, checked.report && outcome.reports[reported++]),
    ),
    cancellations: outcome.cancellations.map(toCancellation),
    drain: outcome.drain,
    closedSpans,
    ...present({ telemetryRejection }),
  });
}

function toAck(
  { taskId, attempt }: TaskResult,
  { error }: CheckedResult,
  outcome: ReportOutcome | undefined,
): ResultAck {
  if (outcome === "stale") return create(ResultAckSchema, { taskId, attempt, status: ResultStatus.STALE_LEASE });
  if (!error) return create(ResultAckSchema, { taskId, attempt, status: ResultStatus.OK });
  return create(ResultAckSchema, {
    taskId,
    attempt,
    status: ResultStatus.INVALID,
    error: toErrorDetail(error),
    message: error.message,
  });
}

async function heartbeat(request: HeartbeatRequest, options: LeaseOptions) {
  const { store, telemetry, clock, limits, notices, handout } = options;
  const runnerId = uuidField("runner_id", request.runnerId);
  const receivedAtUs = clock.nowUs();
  const leaseMs = leaseMsField(request.leaseDuration, limits);
  telemetry.runnerTimes.heard(runnerId, Number(request.sentAtUnixNano / 1000n));
  const running = request.running.map(({ taskId, attempt, leaseToken, progress }, i) => ({
    taskId,
    attempt,
    token: leaseToken,
    progress: toProgress(progress, `running[${i}].progress`, limits),
  }));
  if (request.closedSpans) handout.heard({ runnerId, request: request.closedSpans });
  if (request.telemetry) await ingestTelemetry(telemetry, { runnerId }, request.telemetry);
  const outcome = await store.heartbeat(runnerId, running, leaseMs);
  notices.isNews(runnerId, outcome.cancelled);
  return create(HeartbeatResponseSchema, {
    extended: outcome.extended.map((attempt) => create(AttemptReferenceSchema, attempt)),
    lost: outcome.lost.map((attempt) => create(AttemptReferenceSchema, attempt)),
    cancelled: outcome.cancelled.map(toCancellation),
    drain: outcome.drain,
    serverTimeUnixNano: BigInt(clock.nowUs()) * 1000n,
    receivedAtUnixNano: BigInt(receivedAtUs) * 1000n,
    closedSpans: request.closedSpans ? handout.take(runnerId) : [],
  });
}

async function listDependencyOutputs(request: ListDependencyOutputsRequest, { store, limits }: TaskServiceOptions) {
  const lease = { taskId: uuidField("task_id", request.taskId), attempt: request.attempt, token: request.leaseToken };
  const limit = request.pageSize === 0 ? limits.maxPageSize : pageSizeField(request.pageSize, limits);
  const filter = [lease.taskId, lease.attempt];
  const offset = decodeOffset(request.pageToken, "dependencies", filter);
  const range = { offset, limit, maxBytes: limits.maxInlineDependencyBytes };
  const { dependencies, nextOffset } = await store.dependencyOutputs(lease, range);
  return create(ListDependencyOutputsResponseSchema, {
    dependencies: dependencies.map(toDependency),
    nextPageToken: nextOffset === undefined ? "" : encodePageToken("dependencies", filter, String(nextOffset)),
  });
}
