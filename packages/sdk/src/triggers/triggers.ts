import { type CallOptions, createClient, type Client as RpcClient } from "@connectrpc/connect";
import { SpanloomError, type Trigger, TriggerService } from "@spanloom/protocol";
import { type Caller, type CallRetryOptions, callerOf } from "../call.ts";
import { listPages } from "../list-pages.ts";
import type { Connection } from "../transport.ts";
import { type EventToPublish, toNewEvent } from "./event-to-publish.ts";
import type { FiringSnapshot, ListFiringsOptions } from "./firing-snapshot.ts";
import { listFirings } from "./list-firings.ts";
import type { ListDefinitionsOptions } from "./schedules.ts";
import { type TemplateSnapshot, toTemplateSnapshot } from "./template-snapshot.ts";
import { type TriggerSnapshot, toTriggerSnapshot } from "./trigger-definition-snapshot.ts";
import { type TriggerOptions, toPutTrigger, toPutTriggerOf } from "./trigger-options.ts";

/** What became of a trigger that was put. */
export interface PutTrigger {
  /** As it stands. */
  trigger: TriggerSnapshot;
  /** It was made by this call. */
  created: boolean;
  /** It was made or changed by this call. */
  changed: boolean;
}

/** What an event would do. */
export interface TriggerTest {
  /** It would submit a job. */
  matches: boolean;
  /** The job. */
  job?: TemplateSnapshot;
  /** Why filter or input failed on this event. */
  error?: string;
}

/** How triggers are asked for. */
export interface TriggersOptions {
  /** When a call that failed for a passing reason is made again. */
  retry?: CallRetryOptions | undefined;
}

/**
 * Keeps triggers, which submit jobs for events. Made by a client.
 *
 * Triggers are named and every call may be sent again, as of {@link Schedules}.
 *
 * Errors: TRIGGER_NOT_FOUND for a name that none has; STORE_UNAVAILABLE after five tries.
 */
export class Triggers {
  readonly #service: RpcClient<typeof TriggerService>;
  readonly #call: Caller;

  constructor(connection: Connection, { retry = {} }: TriggersOptions = {}) {
    this.#service = createClient(TriggerService, connection.transport);
    this.#call = callerOf(connection.url, retry);
  }

  /**
   * Makes a trigger, or changes the one of that name to be as given; only whether it is paused stays. It takes events that
   * come from then on.
   *
   * Errors: INVALID_FIELD naming the field, also when pattern or expressions do not compile; LIMIT_EXCEEDED.
   */
  async put<Input = void>(options: TriggerOptions<Input>): Promise<PutTrigger> {
    const request = toPutTrigger(options);
    const answer = await this.#call((call) => this.#service.putTrigger(request, call));
    const trigger = toTriggerSnapshot(present(answer, options.name));
    return { trigger, created: answer.created, changed: answer.changed };
  }

  /** Returns a trigger. Errors: TRIGGER_NOT_FOUND. */
  async get(name: string): Promise<TriggerSnapshot> {
    return toTriggerSnapshot(await this.#get(name));
  }

  /** Lists triggers by name, page by page as they are read. */
  list(options: ListDefinitionsOptions = {}): AsyncGenerator<TriggerSnapshot> {
    const { namePrefix = "", paused, limit = Number.POSITIVE_INFINITY } = options;
    const wanted = { namePrefix, ...(paused !== undefined && { paused }) };
    return listPages(limit, async (page) => {
      const call = (options: CallOptions) => this.#service.listTriggers({ ...wanted, ...page }, options);
      const { triggers, nextPageToken } = await this.#call(call);
      return { items: triggers.map(toTriggerSnapshot), nextPageToken };
    });
  }

  /** Deletes a trigger, whose jobs stay; tells whether it was there until now. */
  async delete(name: string): Promise<boolean> {
    const { deleted } = await this.#call((options) => this.#service.deleteTrigger({ name }, options));
    return deleted;
  }

  /** Stops a trigger from firing: events that come meanwhile pass it by. Errors: TRIGGER_NOT_FOUND. */
  async pause(name: string, reason = ""): Promise<TriggerSnapshot> {
    const answer = await this.#call((options) => this.#service.pauseTrigger({ name, reason }, options));
    return toTriggerSnapshot(present(answer, name));
  }

  /** Lets a trigger fire for events that come from now on. Errors: TRIGGER_NOT_FOUND. */
  async resume(name: string): Promise<TriggerSnapshot> {
    const answer = await this.#call((options) => this.#service.resumeTrigger({ name }, options));
    return toTriggerSnapshot(present(answer, name));
  }

  /**
   * Tells whether a trigger, one that is there by its name or one that need not be, would fire for an event, and with what
   * job. Neither is made.
   *
   * Errors: as of `put`, and TRIGGER_NOT_FOUND.
   */
  async test<Input = void>(trigger: string | TriggerOptions<Input>, event: EventToPublish): Promise<TriggerTest> {
    const definition = typeof trigger === "string" ? toPutTriggerOf(await this.#get(trigger)) : toPutTrigger(trigger);
    const request = { trigger: definition, event: toNewEvent(event, event.id ?? "") };
    const { matches, job, error } = await this.#call((options) => this.#service.testTrigger(request, options));
    return { matches, ...(job && { job: toTemplateSnapshot(job) }), ...(error && { error }) };
  }

  /** Lists what a trigger fired, newest first, page by page as it is read. */
  firings(name: string, options: ListFiringsOptions = {}): AsyncGenerator<FiringSnapshot> {
    return listFirings(this.#service, this.#call, { ...options, trigger: name });
  }

  async #get(name: string): Promise<Trigger> {
    return present(await this.#call((options) => this.#service.getTrigger({ name }, options)), name);
  }
}

function present({ trigger }: { trigger?: Trigger | undefined }, name: string): Trigger {
  if (trigger) return trigger;
  throw new SpanloomError("INTERNAL", `cannot read trigger "${name}": the server answered without it`);
}
