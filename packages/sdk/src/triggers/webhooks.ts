import { type CallOptions, createClient, type Client as RpcClient } from "@connectrpc/connect";
import { EventService, SpanloomError, type Webhook } from "@spanloom/protocol";
import { type Caller, type CallRetryOptions, callerOf } from "../call.ts";
import { listPages } from "../list-pages.ts";
import type { Connection } from "../transport.ts";
import { toPutWebhook, type WebhookOptions } from "./webhook-options.ts";
import { toWebhookSnapshot, type WebhookSnapshot } from "./webhook-snapshot.ts";

/** What became of a webhook that was put. */
export interface PutWebhook {
  /** As it stands. */
  webhook: WebhookSnapshot;
  /** It was made by this call. */
  created: boolean;
  /** It was made or changed by this call. */
  changed: boolean;
}

/**
 * Keeps webhooks, by which others deliver events over HTTP. Made by a client.
 *
 * Webhooks are named and every call may be sent again, as of {@link Schedules}.
 *
 * Errors: WEBHOOK_NOT_FOUND for a name that none has; STORE_UNAVAILABLE after five tries.
 */
export class Webhooks {
  readonly #service: RpcClient<typeof EventService>;
  readonly #call: Caller;

  constructor(connection: Connection, { retry = {} }: { retry?: CallRetryOptions | undefined } = {}) {
    this.#service = createClient(EventService, connection.transport);
    this.#call = callerOf(connection.url, retry);
  }

  /** Makes a webhook, or changes the one of that name to be as given. Errors: INVALID_FIELD naming the field, LIMIT_EXCEEDED. */
  async put(options: WebhookOptions): Promise<PutWebhook> {
    const request = toPutWebhook(options);
    const answer = await this.#call((call) => this.#service.putWebhook(request, call));
    return { webhook: snapshotOf(answer, options.name), created: answer.created, changed: answer.changed };
  }

  /** Returns a webhook, without its secrets. Errors: WEBHOOK_NOT_FOUND. */
  async get(name: string): Promise<WebhookSnapshot> {
    return snapshotOf(await this.#call((options) => this.#service.getWebhook({ name }, options)), name);
  }

  /** Lists webhooks by name, without their secrets, page by page as they are read. */
  list({ limit = Number.POSITIVE_INFINITY }: { limit?: number } = {}): AsyncGenerator<WebhookSnapshot> {
    return listPages(limit, async (page) => {
      const call = (options: CallOptions) => this.#service.listWebhooks(page, options);
      const { webhooks, nextPageToken } = await this.#call(call);
      return { items: webhooks.map(toWebhookSnapshot), nextPageToken };
    });
  }

  /** Deletes a webhook, what it delivered stays; tells whether it was there until now. */
  async delete(name: string): Promise<boolean> {
    const { deleted } = await this.#call((options) => this.#service.deleteWebhook({ name }, options));
    return deleted;
  }
}

function snapshotOf({ webhook }: { webhook?: Webhook | undefined }, name: string): WebhookSnapshot {
  if (webhook) return toWebhookSnapshot(webhook);
  throw new SpanloomError("INTERNAL", `cannot read webhook "${name}": the server answered without it`);
}
