import type { CallRetryOptions } from "./call.ts";
import { Jobs } from "./jobs.ts";
import { type Connection, type ConnectionOptions, connect } from "./transport.ts";
import { Events } from "./triggers/events.ts";
import { Schedules } from "./triggers/schedules.ts";
import { Triggers } from "./triggers/triggers.ts";
import { Webhooks } from "./triggers/webhooks.ts";

/** Options of a {@link Client}. */
export interface ClientOptions extends ConnectionOptions {
  /** When a call that failed for a passing reason is made again. Default: five tries with full jitter. */
  retry?: CallRetryOptions | undefined;
  /**
   * Whether submitting, cancelling, retrying and cloning jobs, publishing events and firing schedules makes spans in the
   * caller's trace, by the application's tracer provider; without a provider, or with OTEL_SDK_DISABLED=true, there are none. Default true.
   */
  tracing?: boolean | undefined;
}

/**
 * Talks to a server. One client serves a whole process: its calls share a connection, submissions made at the same time
 * share a request, and all waiting shares a few long polls.
 *
 * Nothing is sent before the first call; an idle client does not keep the process alive.
 */
export class Client {
  readonly #connection: Connection;
  /** Submits jobs and tells what became of them. */
  readonly jobs: Jobs;
  /** Keeps schedules, which submit jobs at times. */
  readonly schedules: Schedules;
  /** Keeps triggers, which submit jobs for events. */
  readonly triggers: Triggers;
  /** Publishes events and shows what became of them. */
  readonly events: Events;
  /** Keeps webhooks, by which others deliver events over HTTP. */
  readonly webhooks: Webhooks;

  constructor(options: ClientOptions = {}) {
    this.#connection = connect(options);
    this.jobs = new Jobs(this.#connection, options);
    this.schedules = new Schedules(this.#connection, options);
    this.triggers = new Triggers(this.#connection, options);
    this.events = new Events(this.#connection, options);
    this.webhooks = new Webhooks(this.#connection, options);
  }

  /** Base URL of the server. */
  get url(): string {
    return this.#connection.url;
  }

  /** Ends all waiting and closes the connection. Safe to call twice. */
  close(): void {
    this.jobs.close();
    this.#connection.close();
  }

  /** As {@link Client.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** As {@link Client.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
