import { SpanloomError } from "@spanloom/protocol";
import type { TriggerStore } from "../store/trigger-store.ts";
import type { WebhookEvent } from "./delivery-event.ts";
import type { Webhook } from "./webhook.ts";
import { decodeWebhook } from "./webhook-definition.ts";
import type { WebhookTarget } from "./webhook-target.ts";

/** What is read of a store, and how far events may pile up. */
export interface StoredWebhooksOptions {
  triggers: Pick<TriggerStore, "get" | "publish" | "eventBacklog" | "onNews">;
  nowUs: () => number;
  maxEventBytes: number;
  /** Most events that wait to be matched; deliveries are refused beyond. */
  maxWaiting?: number;
}

/** Minutes of matching at 5,000 a second, which one server does on one core. */
const MAX_WAITING = 1_000_000;
/** How long a webhook is believed without news of a change, should one go missing. */
const REMEMBER_US = 10_000_000;
/** How long a count of waiting events is believed. */
const BACKLOG_US = 1_000_000;
const MAX_REMEMBERED = 1_000;

/**
 * Webhooks in a store, and events to it.
 *
 * I1. What is remembered of a webhook is forgotten when any is changed, on whichever server, before the next delivery.
 * I2. The store is asked how many events wait once in a while, not for every delivery.
 */
export class StoredWebhooks implements WebhookTarget {
  readonly #options: StoredWebhooksOptions;
  readonly #remembered = new Map<string, { webhook: Webhook; atUs: number }>();
  readonly #unsubscribe: () => void;
  /** Counts changes, so that what was read before one is not remembered after it. */
  #changes = 0;
  #waiting = { count: 0, atUs: Number.NEGATIVE_INFINITY };

  constructor(options: StoredWebhooksOptions) {
    this.#options = options;
    this.#unsubscribe = options.triggers.onNews(({ definitions }) => {
      if (!definitions?.includes("webhook")) return;
      this.#changes++;
      this.#remembered.clear();
    });
  }

  async find(name: string): Promise<Webhook | undefined> {
    const { triggers, nowUs } = this.#options;
    const known = this.#remembered.get(name);
    if (known && Math.abs(nowUs() - known.atUs) < REMEMBER_US) return known.webhook;
    const changes = this.#changes;
    const record = await triggers.get("webhook", name);
    const webhook = record && decodeWebhook(record.body);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    if (webhook && changes === this.#changes) this.#remembered.set(name, { webhook, atUs: nowUs() });
    else this.#remembered.delete(name);
    return webhook;
  }

  async publish(event: WebhookEvent): Promise<{ isNew: boolean }> {
    const { maxEventBytes, triggers } = this.#options;
    const actual = event.payload.length;
    if (actual > maxEventBytes)
      throw new SpanloomError(
        "LIMIT_EXCEEDED",
        `cannot publish: the event has ${actual} bytes, limit ${maxEventBytes}`,
        {
          limit: maxEventBytes,
          actual,
        },
      );
    await this.#checkWaiting();
    const [existed] = await triggers.publish([
      { ...event, source: "webhook", replayOf: "", onlyTrigger: "", depth: 0 },
    ]);
    return { isNew: existed !== true };
  }

  async #checkWaiting(): Promise<void> {
    const { triggers, nowUs, maxWaiting = MAX_WAITING } = this.#options;
    if (Math.abs(nowUs() - this.#waiting.atUs) >= BACKLOG_US) {
      // First, so that of many deliveries at once one asks.
      this.#waiting = { ...this.#waiting, atUs: nowUs() };
      this.#waiting.count = (await triggers.eventBacklog()).count;
    }
    const { count } = this.#waiting;
    if (count > maxWaiting)
      throw new SpanloomError("OVERLOADED", `cannot publish: ${count} events wait to be matched, limit ${maxWaiting}`);
  }

  /** Listens to changes no more. Safe to call twice. */
  stop(): void {
    this.#unsubscribe();
  }
}
