import { SpanloomError } from "@spanloom/protocol";
import type { TriggerStore } from "../store/trigger-store.ts";
import type { WebhookEvent } from "./delivery-event.ts";
import type { Webhook } from "./webhook.ts";
import { decodeWebhook } from "./webhook-definition.ts";
import type { WebhookTarget } from "./webhook-target.ts";

/** What is read of a store, and how far events may pile up. */
export interface StoredWebhooksOptions {
  triggers: Pick<TriggerStore, "list" | "publish" | "eventBacklog" | "onNews">;
  nowUs: () => number;
  maxEventBytes: number;
  /** Most events that wait to be matched; deliveries are refused beyond. */
  maxWaiting?: number;
}

/** Minutes of matching at 5,000 a second, which one server does on one core. */
const MAX_WAITING = 1_000_000;
/** How long what was read is believed without news of a change, should one go missing. */
const BELIEVED_US = 10_000_000;
/** How long it is believed that a name is of no webhook: one may have been made at another server just now. */
const ABSENCE_BELIEVED_US = 1_000_000;
/** How long a count of waiting events is believed. */
const BACKLOG_US = 1_000_000;
const PAGE = 1_000;

/** All webhooks, as they were read. */
interface Known {
  webhooks: ReadonlyMap<string, Webhook>;
  atUs: number;
}

/**
 * Webhooks in a store, and events to it.
 *
 * I1. What was read of webhooks is read anew when any is changed, on whichever server, before the next delivery.
 * I2. Strangers cost the store nothing: all webhooks are held, so that names are looked up here, and they are read at most
 *     once a second for names that are not there.
 * I3. The store is asked how many events wait once in a while, not for every delivery.
 */
export class StoredWebhooks implements WebhookTarget {
  readonly #options: StoredWebhooksOptions;
  readonly #unsubscribe: () => void;
  #known: Known | undefined;
  #reading: Promise<Known> | undefined;
  #waiting = { count: 0, atUs: Number.NEGATIVE_INFINITY };

  constructor(options: StoredWebhooksOptions) {
    this.#options = options;
    this.#unsubscribe = options.triggers.onNews(({ definitions }) => {
      if (!definitions?.includes("webhook")) return;
      this.#known = undefined;
      // Who reads just now may have read before the change.
      this.#reading = undefined;
    });
  }

  async find(name: string): Promise<Webhook | undefined> {
    const known = this.#recent(BELIEVED_US) ?? (await this.#read());
    const webhook = known.webhooks.get(name);
    if (webhook || this.#age(known) < ABSENCE_BELIEVED_US) return webhook;
    return (await this.#read()).webhooks.get(name);
  }

  #recent(believedUs: number): Known | undefined {
    return this.#known && this.#age(this.#known) < believedUs ? this.#known : undefined;
  }

  /** However the clock was set since. */
  #age({ atUs }: Known): number {
    return Math.abs(this.#options.nowUs() - atUs);
  }

  /** Reads all webhooks, once for all who ask meanwhile. */
  #read(): Promise<Known> {
    if (this.#reading) return this.#reading;
    const reading = this.#readAll();
    this.#reading = reading;
    const over = (known?: Known): void => {
      if (this.#reading !== reading) return;
      this.#reading = undefined;
      this.#known = known;
    };
    reading.then(over, () => over());
    return reading;
  }

  async #readAll(): Promise<Known> {
    const { triggers, nowUs } = this.#options;
    const webhooks = new Map<string, Webhook>();
    const atUs = nowUs();
    for (let after: string | undefined; ; ) {
      const page = await triggers.list({ kind: "webhook" }, { limit: PAGE, ...(after !== undefined && { after }) });
      for (const { name, body } of page) webhooks.set(name, decodeWebhook(body));
      after = page.at(-1)?.name;
      if (page.length < PAGE || after === undefined) return { webhooks, atUs };
    }
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
