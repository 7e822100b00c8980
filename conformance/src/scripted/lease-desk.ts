import { create, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type CancellationReason,
  CancellationSchema,
  durationFromMs,
  ErrorDetailSchema,
  ErrorReason,
  type HeartbeatRequest,
  type HeartbeatResponse,
  HeartbeatResponseSchema,
  type LeaseTasksRequest,
  LeaseTasksRequestSchema,
  type LeaseTasksResponse,
  LeaseTasksResponseSchema,
  type ListDependencyOutputsRequest,
  type ListDependencyOutputsResponse,
  ListDependencyOutputsResponseSchema,
  msFromDuration,
  type RegisterRunnerResponse,
  RegisterRunnerResponseSchema,
  type ResultAck,
  ResultAckSchema,
  ResultStatus,
  type RunningAttempt,
  type TaskResult,
} from "@spanloom/protocol";
import type { JsonObject } from "../cases/template.ts";
import { leaseTask, type OfferedTask } from "./offered-task.ts";
import { resultRecord } from "./result-record.ts";
import type { ServerRecord } from "./server-record.ts";
import type { ServerSettings } from "./server-settings.ts";

/** How long a poll may sleep: as long as a real server lets it. */
const MAX_WAIT_MS = 30_000;

type Offer = OfferedTask["cancellation"];

/**
 * The leases of a scripted server: who may be leased, who is, and what is answered to what a runner says of them.
 *
 * I1. A call is given at most `max_tasks`, and each lease once.
 * I2. A result or heartbeat counts for the lease whose token it names; without one it is stale, or lost.
 */
export class LeaseDesk {
  readonly #settings: ServerSettings;
  readonly #record: ServerRecord;
  readonly #offers: OfferedTask[] = [];
  /** Wakes the calls that sleep. */
  #woken = Promise.withResolvers<void>();
  #sleeping = 0;
  #draining: "heartbeat" | "lease" | undefined;
  #refusing = false;

  constructor(settings: ServerSettings, record: ServerRecord) {
    this.#settings = settings;
    this.#record = record;
  }

  /** Calls that sleep until there is work. */
  get sleeping(): number {
    return this.#sleeping;
  }

  /** Leases of which the runner did not say in time that it holds them, where leases end. */
  get expired(): string[] {
    return this.#offers.filter((offer) => this.#hasExpired(offer)).map(({ task }) => task.taskId);
  }

  /** Offers a task to whoever asks next. */
  offer(offered: OfferedTask): void {
    this.#offers.push(offered);
    this.#wake();
  }

  /** Takes a lease away: the next heartbeat says that it is lost, and its result is stale. */
  lose(offered: OfferedTask): void {
    offered.lost = true;
  }

  /** Tells the runner to stop an attempt, by the answer to its next heartbeat or to a call of LeaseTasks. */
  cancel(offered: OfferedTask, reason: CancellationReason, by: NonNullable<Offer>["by"]): void {
    offered.cancellation = { reason, by };
    if (by === "lease") this.#wake();
  }

  /** Asks the runner to take nothing more. */
  drain(by: "heartbeat" | "lease"): void {
    this.#draining = by;
    if (by === "lease") this.#wake();
  }

  get refusing(): boolean {
    return this.#refusing;
  }

  /** Whether every call is answered with UNAVAILABLE. */
  setRefusing(refusing: boolean): void {
    this.#refusing = refusing;
    if (refusing) this.#wake();
  }

  /** Throws what calls are answered with while the server refuses them. */
  mayRefuse(): void {
    if (this.#refusing) throw refusal("STORE_UNAVAILABLE", Code.Unavailable);
  }

  /** Answers a registration. */
  registered(): RegisterRunnerResponse {
    const { leaseMs, heartbeatMs, maxOutputBytes, knowsNobody } = this.#settings;
    if (knowsNobody) throw refusal("UNAUTHENTICATED", Code.Unauthenticated);
    return create(RegisterRunnerResponseSchema, {
      leaseDuration: durationFromMs(leaseMs),
      heartbeatInterval: durationFromMs(heartbeatMs),
      maxRequestBytes: 16n * 1024n * 1024n,
      maxOutputBytes: BigInt(maxOutputBytes),
      receivedAtUnixNano: this.#nowNs(),
      serverTimeUnixNano: this.#nowNs(),
    });
  }

  /** Answers LeaseTasks; `lost` when the case wants the answer to be lost. */
  async lease(request: LeaseTasksRequest, signal: AbortSignal): Promise<LeaseTasksResponse | "lost"> {
    const call = callRecord(request);
    this.#record.calls.push(call);
    if (this.#refusing) {
      call.answer = "REFUSED";
      this.#record.changed();
      this.mayRefuse();
    }
    this.#record.addTelemetry(request.telemetry);
    const resultAcks = request.results.map((result) => this.#settle(result, call));
    this.#record.changed();
    if (call.answer === "LOST") return "lost";
    await this.#work(request, signal);
    this.mayRefuse();
    const tasks = signal.aborted ? [] : this.#take(request.maxTasks);
    call.leased = tasks.map(({ taskId }) => taskId);
    const cancellations = signal.aborted ? [] : this.#cancellations("lease");
    this.#record.changed();
    return create(LeaseTasksResponseSchema, {
      tasks,
      resultAcks,
      cancellations,
      drain: this.#draining === "lease",
    });
  }

  /** Answers a heartbeat. */
  heartbeat({ running }: HeartbeatRequest): HeartbeatResponse {
    const held = running.map((attempt) => ({ attempt, offer: this.#find(attempt) }));
    const isLost = ({ offer }: (typeof held)[number]) => !offer || offer.lost || this.#hasExpired(offer);
    const kept = held.filter((one) => !isLost(one));
    for (const { offer } of kept) offer!.leaseEndsMs = this.#nowMs() + this.#settings.leaseMs;
    const told = kept.filter(({ offer }) => offer!.cancellation?.by === "heartbeat");
    const named = ({ attempt: { taskId, attempt } }: (typeof held)[number]) => ({ taskId, attempt });
    return create(HeartbeatResponseSchema, {
      extended: kept.map(named),
      lost: held.filter(isLost).map(named),
      cancelled: told.map((one) => ({ ...named(one), reason: one.offer!.cancellation!.reason })),
      drain: this.#draining === "heartbeat",
      serverTimeUnixNano: this.#nowNs(),
      receivedAtUnixNano: this.#nowNs(),
    });
  }

  /** Answers ListDependencyOutputs. Errors: STALE_LEASE without the lease. */
  dependencyPage(request: ListDependencyOutputsRequest): ListDependencyOutputsResponse {
    const offer = this.#find(request);
    if (!offer) throw refusal("STALE_LEASE", Code.Aborted);
    const page = Number(request.pageToken || 0);
    return create(ListDependencyOutputsResponseSchema, {
      dependencies: [...(offer.pages[page] ?? [])],
      nextPageToken: page + 1 < offer.pages.length ? String(page + 1) : "",
    });
  }

  #settle(result: TaskResult, call: JsonObject): ResultAck {
    const { taskId, attempt } = result;
    const offer = this.#find(result);
    const told = offer?.answers.shift();
    const stale = !offer || offer.lost || this.#hasExpired(offer);
    const status = stale ? ResultStatus.STALE_LEASE : told === "LOST" || told === undefined ? ResultStatus.OK : told;
    const answer = told === "LOST" ? "LOST" : nameOf(status);
    if (told === "LOST") call.answer = "LOST";
    if (offer) offer.state = "ended";
    this.#record.results.push({ at: this.#record.next(), taskId, record: { ...resultRecord(result), answer } });
    const message = status === ResultStatus.OK ? "" : "as the case says";
    return create(ResultAckSchema, { taskId, attempt, status, message });
  }

  /** Waits until a call that may sleep has something to bring. */
  async #work({ wait, maxTasks }: LeaseTasksRequest, signal: AbortSignal): Promise<void> {
    const endMs = performance.now() + Math.min(wait ? msFromDuration(wait) : 0, MAX_WAIT_MS);
    const idle = () =>
      !this.#refusing &&
      this.#draining !== "lease" &&
      !this.#hasCancellations() &&
      !(maxTasks > 0 && this.#offers.some(({ state }) => state === "offered"));
    this.#sleeping++;
    this.#record.changed();
    while (!signal.aborted && idle() && performance.now() < endMs) await this.#nap(endMs - performance.now(), signal);
    this.#sleeping--;
    this.#record.changed();
  }

  /** Until something changes, the call is given up, or the time is over. */
  #nap(limitMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, limitMs);
    const stop = () => resolve();
    signal.addEventListener("abort", stop);
    void this.#woken.promise.then(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    });
  }

  #take(maxTasks: number) {
    const free = this.#offers.filter(({ state }) => state === "offered").slice(0, maxTasks);
    return free.map((offer) => leaseTask(offer, this.#settings, this.#nowMs()));
  }

  #hasCancellations(): boolean {
    return this.#offers.some(({ state, cancellation }) => state === "leased" && cancellation?.by === "lease");
  }

  /** Those that are to be told by a call of LeaseTasks, which are told once. */
  #cancellations(by: "lease") {
    const due = this.#offers.filter(({ state, cancellation }) => state === "leased" && cancellation?.by === by);
    return due.map((offer) => {
      const { reason } = offer.cancellation!;
      offer.cancellation = undefined;
      const { taskId, attempt } = offer.task;
      return create(CancellationSchema, { taskId, attempt, reason });
    });
  }

  /** The lease that somebody names by its token. */
  #find({ taskId, attempt, leaseToken }: Pick<RunningAttempt, "taskId" | "attempt" | "leaseToken">) {
    return this.#offers.find(
      ({ task }) =>
        task.taskId === taskId && task.attempt === attempt && Buffer.from(leaseToken).equals(task.leaseToken),
    );
  }

  /** Whether a lease ended before the runner said anything of it; once it has, it stays so. */
  #hasExpired(offer: OfferedTask): boolean {
    return this.#settings.endsLeases && offer.state === "leased" && this.#nowMs() > offer.leaseEndsMs;
  }

  #wake(): void {
    const { resolve } = this.#woken;
    this.#woken = Promise.withResolvers();
    resolve();
  }

  #nowMs(): number {
    return Date.now() + this.#settings.clockAheadMs;
  }

  #nowNs(): bigint {
    return BigInt(this.#nowMs()) * 1_000_000n;
  }
}

/** A call as cases see it: what it asks for, and the tasks whose results it brings. */
function callRecord(request: LeaseTasksRequest): JsonObject {
  const {
    results,
    telemetry: _,
    ...rest
  } = toJson(LeaseTasksRequestSchema, request, {
    useProtoFieldName: true,
    alwaysEmitImplicit: true,
  }) as JsonObject;
  const tasks = request.results.map(({ taskId }) => taskId);
  return { ...rest, reports: tasks, leased: [], answer: "OK" };
}

/** An error as a server's: with its reason. */
function refusal(reason: "STORE_UNAVAILABLE" | "UNAUTHENTICATED" | "STALE_LEASE", code: Code): ConnectError {
  const retry = reason === "STORE_UNAVAILABLE" ? { retryAfterMs: 50n } : {};
  const value = create(ErrorDetailSchema, { reason: ErrorReason[reason], ...retry });
  const desc = ErrorDetailSchema;
  return new ConnectError("cannot serve the call: the case refuses it", code, undefined, [{ desc, value }]);
}

function nameOf(status: ResultStatus): string {
  return Object.entries(ResultStatus).find(([, value]) => value === status)?.[0] ?? String(status);
}
