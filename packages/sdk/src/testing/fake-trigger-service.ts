import { create } from "@bufbuild/protobuf";
import { createRouterTransport, type ServiceImpl, type Transport } from "@connectrpc/connect";
import {
  type BackfillScheduleRequest,
  type Event,
  EventSchema,
  EventService,
  EventSource,
  type FireScheduleRequest,
  type Firing,
  FiringOutcome,
  FiringSchema,
  type ListEventsRequest,
  type ListFiringsRequest,
  type PreviewScheduleRequest,
  type PublishEventsRequest,
  type PutScheduleRequest,
  type PutTriggerRequest,
  type PutWebhookRequest,
  type ReplayEventsRequest,
  type Schedule,
  ScheduleSchema,
  SpanloomError,
  type TestTriggerRequest,
  type Trigger,
  TriggerSchema,
  TriggerService,
  timestampFromUs,
  toConnectError,
  type Webhook,
  WebhookSchema,
} from "@spanloom/protocol";

/** A server's schedules, triggers, events and webhooks in memory, as far as the client's tests need them; keeps what it was asked. */
export class FakeTriggerService {
  readonly schedules = new Map<string, Schedule>();
  readonly triggers = new Map<string, Trigger>();
  readonly events = new Map<string, Event>();
  readonly webhooks = new Map<string, Webhook>();
  readonly firings: Firing[] = [];
  /** Requests by the name of the call, in order. */
  readonly puts: PutScheduleRequest[] = [];
  readonly putTriggers: PutTriggerRequest[] = [];
  readonly previews: PreviewScheduleRequest[] = [];
  readonly backfills: BackfillScheduleRequest[] = [];
  readonly fires: FireScheduleRequest[] = [];
  readonly tests: TestTriggerRequest[] = [];
  readonly published: PublishEventsRequest[] = [];
  readonly eventLists: ListEventsRequest[] = [];
  readonly firingLists: ListFiringsRequest[] = [];
  readonly replays: ReplayEventsRequest[] = [];
  readonly putWebhooks: PutWebhookRequest[] = [];
  readonly calls: Record<string, number> = {};
  /** Thrown by the next calls after their work was done, in order: what retries must survive. */
  failures: unknown[] = [];

  /** A transport that reaches this service. */
  readonly transport: Transport = createRouterTransport((router) => {
    router.service(TriggerService, { ...this.#scheduleCalls(), ...this.#triggerCalls() });
    router.service(EventService, { ...this.#eventCalls(), ...this.#webhookCalls() });
  });

  #scheduleCalls() {
    return {
      putSchedule: (request) =>
        this.#serve("putSchedule", () => {
          this.puts.push(request);
          const { $typeName: _, ...content } = request;
          const created = !this.schedules.has(request.name);
          const schedule = create(ScheduleSchema, { ...content, id: `id of ${request.name}`, createdAt: at(1e15) });
          this.schedules.set(request.name, schedule);
          return { schedule, created, changed: created };
        }),
      getSchedule: ({ name }) => this.#serve("getSchedule", () => ({ schedule: this.#schedule(name) })),
      listSchedules: ({ pageSize, pageToken }) =>
        this.#serve("listSchedules", () => {
          const { items, nextPageToken } = pageOf([...this.schedules.values()], pageSize, pageToken);
          return { schedules: items, nextPageToken };
        }),
      deleteSchedule: ({ name }) => this.#serve("deleteSchedule", () => ({ deleted: this.schedules.delete(name) })),
      pauseSchedule: ({ name, reason }) =>
        this.#serve("pauseSchedule", () => {
          const schedule = Object.assign(this.#schedule(name), { paused: true, pauseReason: reason });
          return { schedule };
        }),
      resumeSchedule: ({ name }) =>
        this.#serve("resumeSchedule", () => ({
          schedule: Object.assign(this.#schedule(name), { paused: false, pauseReason: "" }),
        })),
      previewSchedule: (request) =>
        this.#serve("previewSchedule", () => {
          this.previews.push(request);
          return { times: [at(1e15), at(2e15)] };
        }),
      backfillSchedule: (request) =>
        this.#serve("backfillSchedule", () => {
          this.backfills.push(request);
          return { firings: [firing("one"), firing("two")], fired: 2 };
        }),
      fireSchedule: (request) =>
        this.#serve("fireSchedule", () => {
          this.fires.push(request);
          this.#schedule(request.name);
          return { firing: firing("by hand") };
        }),
    } satisfies Partial<ServiceImpl<typeof TriggerService>>;
  }

  #triggerCalls() {
    return {
      putTrigger: (request) =>
        this.#serve("putTrigger", () => {
          this.putTriggers.push(request);
          const { $typeName: _, ...content } = request;
          const created = !this.triggers.has(request.name);
          const trigger = create(TriggerSchema, { ...content, id: `id of ${request.name}` });
          this.triggers.set(request.name, trigger);
          return { trigger, created, changed: created };
        }),
      getTrigger: ({ name }) => this.#serve("getTrigger", () => ({ trigger: this.#trigger(name) })),
      listTriggers: ({ pageSize, pageToken }) =>
        this.#serve("listTriggers", () => {
          const { items, nextPageToken } = pageOf([...this.triggers.values()], pageSize, pageToken);
          return { triggers: items, nextPageToken };
        }),
      deleteTrigger: ({ name }) => this.#serve("deleteTrigger", () => ({ deleted: this.triggers.delete(name) })),
      pauseTrigger: ({ name, reason }) =>
        this.#serve("pauseTrigger", () => ({
          trigger: Object.assign(this.#trigger(name), { paused: true, pauseReason: reason }),
        })),
      resumeTrigger: ({ name }) =>
        this.#serve("resumeTrigger", () => ({
          trigger: Object.assign(this.#trigger(name), { paused: false, pauseReason: "" }),
        })),
      testTrigger: (request) =>
        this.#serve("testTrigger", () => {
          this.tests.push(request);
          return { matches: true, job: request.trigger!.job!, error: "" };
        }),
      listFirings: (request) =>
        this.#serve("listFirings", () => {
          this.firingLists.push(request);
          const { items, nextPageToken } = pageOf(this.firings, request.pageSize, request.pageToken);
          return { firings: items, nextPageToken };
        }),
    } satisfies Partial<ServiceImpl<typeof TriggerService>>;
  }

  #eventCalls() {
    return {
      publishEvents: (request) => this.#serve("publishEvents", () => this.#publish(request)),
      getEvent: ({ eventId }) =>
        this.#serve("getEvent", () => {
          const event = this.events.get(eventId);
          if (!event) throw new SpanloomError("EVENT_NOT_FOUND", `cannot find event "${eventId}"`);
          return { event: { ...event, firings: this.firings } };
        }),
      listEvents: (request) =>
        this.#serve("listEvents", () => {
          this.eventLists.push(request);
          const all = [...this.events.values()].reverse();
          const { items, nextPageToken } = pageOf(all, request.pageSize, request.pageToken);
          return { events: items, nextPageToken };
        }),
      replayEvents: (request) =>
        this.#serve("replayEvents", () => {
          this.replays.push(request);
          return { eventIds: request.eventIds.map((id) => `${id} again`) };
        }),
    } satisfies Partial<ServiceImpl<typeof EventService>>;
  }

  #webhookCalls() {
    return {
      putWebhook: (request) =>
        this.#serve("putWebhook", () => {
          this.putWebhooks.push(request);
          const { $typeName: _, secrets, ...content } = request;
          const created = !this.webhooks.has(request.name);
          const secretEnv = secrets.flatMap(({ secret }) => (secret.case === "env" ? [secret.value] : []));
          const facts = { secretEnv, storedSecrets: secrets.length - secretEnv.length, path: `/hooks/${request.name}` };
          const webhook = create(WebhookSchema, { ...content, ...facts, id: `id of ${request.name}` });
          this.webhooks.set(request.name, webhook);
          return { webhook, created, changed: created };
        }),
      getWebhook: ({ name }) =>
        this.#serve("getWebhook", () => {
          const webhook = this.webhooks.get(name);
          if (!webhook) throw new SpanloomError("WEBHOOK_NOT_FOUND", `cannot find webhook "${name}"`);
          return { webhook };
        }),
      listWebhooks: ({ pageSize, pageToken }) =>
        this.#serve("listWebhooks", () => {
          const { items, nextPageToken } = pageOf([...this.webhooks.values()], pageSize, pageToken);
          return { webhooks: items, nextPageToken };
        }),
      deleteWebhook: ({ name }) => this.#serve("deleteWebhook", () => ({ deleted: this.webhooks.delete(name) })),
    } satisfies Partial<ServiceImpl<typeof EventService>>;
  }

  #publish(request: PublishEventsRequest) {
    this.published.push(request);
    const refused = request.events.find(({ key }) => key.startsWith("spanloom."));
    if (refused)
      throw new SpanloomError("INVALID_FIELD", `cannot publish event "${refused.key}": it is the server's own`);
    let existed = 0;
    for (const { $typeName: _, ...event } of request.events) {
      if (this.events.has(event.id)) existed++;
      else this.events.set(event.id, create(EventSchema, { ...event, source: EventSource.PUBLISHED }));
    }
    return { eventIds: request.events.map(({ id }) => id), existed };
  }

  #schedule(name: string): Schedule {
    const schedule = this.schedules.get(name);
    if (!schedule) throw new SpanloomError("SCHEDULE_NOT_FOUND", `cannot find schedule "${name}"`);
    return schedule;
  }

  #trigger(name: string): Trigger {
    const trigger = this.triggers.get(name);
    if (!trigger) throw new SpanloomError("TRIGGER_NOT_FOUND", `cannot find trigger "${name}"`);
    return trigger;
  }

  #serve<Response>(name: string, serve: () => Response): Response {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
    try {
      const response = serve();
      if (this.failures.length > 0) throw this.failures.shift();
      return response;
    } catch (error) {
      throw toConnectError(error);
    }
  }
}

/** A firing that submitted a job. */
export function firing(id: string): Firing {
  const outcome = FiringOutcome.SUBMITTED;
  return create(FiringSchema, { id, jobId: id, outcome, scheduledAt: at(1e15), firedAt: at(1e15 + 5e5), count: 1 });
}

function at(us: number) {
  return timestampFromUs(us)!;
}

function pageOf<Item>(all: readonly Item[], pageSize: number, pageToken: string) {
  const from = Number(pageToken || 0);
  const next = from + pageSize < all.length ? String(from + pageSize) : "";
  return { items: all.slice(from, from + pageSize), nextPageToken: next };
}
