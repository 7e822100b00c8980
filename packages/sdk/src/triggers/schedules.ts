import { type CallOptions, createClient, type Client as RpcClient } from "@connectrpc/connect";
import { attributeNames, IdGenerator, type Schedule, SpanloomError, TriggerService } from "@spanloom/protocol";
import { type Caller, type CallRetryOptions, callerOf } from "../call.ts";
import type { TraceCarrier } from "../carrier.ts";
import { ClientSpans } from "../client-spans.ts";
import { dateOf } from "../date-of.ts";
import { listPages } from "../list-pages.ts";
import { traceFields } from "../submit-request.ts";
import type { Connection } from "../transport.ts";
import { type FiringSnapshot, type ListFiringsOptions, toFiringSnapshot } from "./firing-snapshot.ts";
import { listFirings } from "./list-firings.ts";
import { type ScheduleOptions, toPutSchedule } from "./schedule-options.ts";
import { type ScheduleSnapshot, toScheduleSnapshot } from "./schedule-snapshot.ts";
import { type ScheduleTimes, toScheduleSpec, toValidTimestamp } from "./schedule-times.ts";

/** What became of a schedule that was put. */
export interface PutSchedule {
  /** As it stands. */
  schedule: ScheduleSnapshot;
  /** It was made by this call. */
  created: boolean;
  /** It was made or changed by this call. */
  changed: boolean;
}

/** Which schedules or triggers to list. */
export interface ListDefinitionsOptions {
  /** Names that begin with this. */
  namePrefix?: string;
  /** Only those that are paused, or only those that are not. */
  paused?: boolean;
  /** Most entries to return. Default: all. */
  limit?: number;
}

/** Which times of a schedule to show. */
export interface PreviewOptions {
  /** Times after this. Default: now. */
  after?: Date;
  /** How many, 1..1000. Default 10. */
  count?: number;
}

/** Which times of a schedule to fire. */
export interface BackfillOptions {
  /** From this time on. */
  from: Date;
  /** Before this time, which must not lie ahead. */
  until: Date;
  /** Refuse with LIMIT_EXCEEDED when there are more times than this, 1..10,000. Default 1,000. */
  maxFirings?: number;
}

/** What a backfill fired. */
export interface Backfill {
  /** One for each time of the range, in order; those of earlier calls and of the schedule itself as they stand. */
  firings: FiringSnapshot[];
  /** How many were fired by this call. */
  fired: number;
}

/** How a schedule is fired by hand. */
export interface FireOptions {
  /** The same key fires once. Default: a new random key. */
  idempotencyKey?: string;
  /** Trace context that the job links to. Default: that of the call's span, else of the active one; false sends none. */
  trace?: TraceCarrier | false;
}

/** How schedules are asked for. */
export interface SchedulesOptions {
  /** When a call that failed for a passing reason is made again. */
  retry?: CallRetryOptions | undefined;
  /** Whether firing by hand makes a span in the caller's trace. Default true. */
  tracing?: boolean | undefined;
}

/**
 * Keeps schedules, which submit jobs at times. Made by a client.
 *
 * Schedules are named and every call may be sent again, so all are repeated on transient errors. When the answer to the
 * first try was lost, what a call says it did (`created`, `changed`, `deleted`, `fired`) is what the last try did.
 *
 * Errors: SCHEDULE_NOT_FOUND for a name that none has; STORE_UNAVAILABLE after five tries.
 */
export class Schedules {
  readonly #service: RpcClient<typeof TriggerService>;
  readonly #call: Caller;
  readonly #spans: ClientSpans;
  readonly #ids = new IdGenerator();

  constructor(connection: Connection, { retry = {}, tracing }: SchedulesOptions = {}) {
    this.#service = createClient(TriggerService, connection.transport);
    this.#call = callerOf(connection.url, retry);
    this.#spans = new ClientSpans(connection.url, tracing);
  }

  /**
   * Makes a schedule, or changes the one of that name to be as given. The same again changes nothing.
   *
   * Times, overlap and the job are taken as a whole: what is left out has its default again. Only whether it is paused
   * stays.
   *
   * Errors: INVALID_FIELD naming the field, LIMIT_EXCEEDED.
   */
  async put<Input = void>(options: ScheduleOptions<Input>): Promise<PutSchedule> {
    const request = toPutSchedule(options);
    const answer = await this.#call((call) => this.#service.putSchedule(request, call));
    return { schedule: snapshotOf(answer, options.name), created: answer.created, changed: answer.changed };
  }

  /** Returns a schedule. Errors: SCHEDULE_NOT_FOUND. */
  async get(name: string): Promise<ScheduleSnapshot> {
    return snapshotOf(await this.#call((options) => this.#service.getSchedule({ name }, options)), name);
  }

  /** Lists schedules by name, page by page as they are read. */
  list(options: ListDefinitionsOptions = {}): AsyncGenerator<ScheduleSnapshot> {
    const { namePrefix = "", paused, limit = Number.POSITIVE_INFINITY } = options;
    const wanted = { namePrefix, ...(paused !== undefined && { paused }) };
    return listPages(limit, async (page) => {
      const call = (options: CallOptions) => this.#service.listSchedules({ ...wanted, ...page }, options);
      const { schedules, nextPageToken } = await this.#call(call);
      return { items: schedules.map(toScheduleSnapshot), nextPageToken };
    });
  }

  /** Deletes a schedule, whose jobs stay; tells whether it was there until now. */
  async delete(name: string): Promise<boolean> {
    const { deleted } = await this.#call((options) => this.#service.deleteSchedule({ name }, options));
    return deleted;
  }

  /** Stops a schedule from firing until it is resumed. Errors: SCHEDULE_NOT_FOUND. */
  async pause(name: string, reason = ""): Promise<ScheduleSnapshot> {
    return snapshotOf(await this.#call((options) => this.#service.pauseSchedule({ name, reason }, options)), name);
  }

  /** Lets a schedule fire again, from its next time on: those it passed are not caught up with. Errors: SCHEDULE_NOT_FOUND. */
  async resume(name: string): Promise<ScheduleSnapshot> {
    return snapshotOf(await this.#call((options) => this.#service.resumeSchedule({ name }, options)), name);
  }

  /** Tells when a schedule with these times would fire, jitter left aside. Errors: INVALID_FIELD naming the field. */
  async preview(times: ScheduleTimes, { after, count = 0 }: PreviewOptions = {}): Promise<Date[]> {
    const owner = "cannot preview a schedule";
    const spec = toScheduleSpec(times, owner);
    const start = after && toValidTimestamp(after, { owner, field: "after" });
    const request = { spec, count, ...(start && { after: start }) };
    const answer = await this.#call((options) => this.#service.previewSchedule(request, options));
    return answer.times.map((time) => dateOf(time)!);
  }

  /**
   * Fires the times of a range that the schedule has not fired. The same range again fires nothing twice.
   *
   * Unless the overlap policy is `allow`, the jobs run one after the other.
   *
   * Errors: SCHEDULE_NOT_FOUND; INVALID_FIELD; LIMIT_EXCEEDED over `maxFirings`.
   */
  async backfill(name: string, { from, until, maxFirings = 0 }: BackfillOptions): Promise<Backfill> {
    const owner = `cannot backfill schedule "${name}"`;
    const range = {
      from: toValidTimestamp(from, { owner, field: "from" }),
      until: toValidTimestamp(until, { owner, field: "until" }),
    };
    const request = { name, ...range, maxFirings };
    const { firings, fired } = await this.#call((options) => this.#service.backfillSchedule(request, options));
    return { firings: firings.map(toFiringSnapshot), fired };
  }

  /** Fires a schedule now, beside its times, also one that is paused. Errors: SCHEDULE_NOT_FOUND. */
  async fire(name: string, options: FireOptions = {}): Promise<FiringSnapshot> {
    const { idempotencyKey = this.#ids.next(), trace } = options;
    const own = { [attributeNames.scheduleName]: name };
    return this.#spans.trace({ operation: "fire", destination: name, own, trace }, async (span) => {
      const { trace: carrier } = traceFields(span ? { trace: span.carrier } : options);
      const request = { name, idempotencyKey, ...(carrier && { trace: carrier }) };
      const { firing } = await this.#call((call) => this.#service.fireSchedule(request, call));
      if (!firing)
        throw new SpanloomError("INTERNAL", `cannot fire schedule "${name}": the server answered without a firing`);
      if (firing.jobId) span?.started(firing.jobId);
      return toFiringSnapshot(firing);
    });
  }

  /** Lists what a schedule fired, newest first, page by page as it is read. Errors: SCHEDULE_NOT_FOUND. */
  firings(name: string, options: ListFiringsOptions = {}): AsyncGenerator<FiringSnapshot> {
    return listFirings(this.#service, this.#call, { ...options, schedule: name });
  }
}

function snapshotOf({ schedule }: { schedule?: Schedule | undefined }, name: string): ScheduleSnapshot {
  if (schedule) return toScheduleSnapshot(schedule);
  throw new SpanloomError("INTERNAL", `cannot read schedule "${name}": the server answered without it`);
}
