import { type Reason, SpanloomError } from "@spanloom/protocol";
import type { Delivery } from "./delivery.ts";
import type { WebhookEvent } from "./delivery-event.ts";
import { DeliveryRefusal, type RefusalReason } from "./delivery-refusal.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { SecretSources } from "./read-secrets.ts";
import { receiveDelivery } from "./receive-delivery.ts";
import { RefusalLog } from "./refusal-log.ts";
import type { Webhook } from "./webhook.ts";
import { WebhookCounts } from "./webhook-counts.ts";
import type { WebhookTarget } from "./webhook-target.ts";

/** What the intake is made of. */
export interface WebhookIntakeOptions {
  target: WebhookTarget;
  secrets: SecretSources;
  nowUs: () => number;
  /** Makes ids of events that have none. */
  newId: () => string;
  log: (line: string) => void;
  /** Most bytes that bodies hold at once. Default 256 MiB. */
  maxHeldBytes?: number;
}

const MAX_HELD_BYTES = 256 * 1024 * 1024;

/** Names that webhooks can have. */
export const webhookName = /^[\w.-]{1,128}$/;

/** Why the store did not take an event, as its sender is told. */
const refusalByReason: Partial<Record<Reason, RefusalReason>> = {
  OVERLOADED: "busy",
  STORE_UNAVAILABLE: "unavailable",
  SHUTTING_DOWN: "unavailable",
  DEADLINE_EXCEEDED: "unavailable",
  LIMIT_EXCEEDED: "too_large",
  INVALID_FIELD: "malformed",
};

/**
 * Takes what is delivered to webhooks.
 *
 * I1. A delivery is accepted when its event is durable, and not before.
 * I2. One that is sent again is accepted again, and its event stays one.
 * I3. Whatever is refused is counted by reason, and told in the log, there precisely; its sender is told no more than how
 *     to go on.
 */
export class WebhookIntake {
  readonly counts = new WebhookCounts();
  /** What bodies hold from when they come until their events are stored. */
  readonly held: HeldBytes;
  readonly #options: WebhookIntakeOptions;
  readonly #refusals: RefusalLog;

  constructor(options: WebhookIntakeOptions) {
    this.#options = options;
    this.held = new HeldBytes(options.maxHeldBytes ?? MAX_HELD_BYTES);
    this.#refusals = new RefusalLog(options.log, options.nowUs);
  }

  /** The webhook of a name. Errors: DeliveryRefusal `unknown`, `paused`, `unavailable`. */
  async find(name: string): Promise<Webhook> {
    const webhook = webhookName.test(name) ? await this.#asking(() => this.#options.target.find(name)) : undefined;
    if (!webhook) throw new DeliveryRefusal("unknown", "no webhook has this name");
    return webhook;
  }

  /** Takes a delivery; answers the id of its event, which is durable. Errors: DeliveryRefusal. */
  async take(webhook: Webhook, delivery: Delivery): Promise<string> {
    const event = this.#receive(webhook, delivery);
    const { isNew } = await this.#asking(() => this.#options.target.publish(event));
    this.counts.add(webhook.name, isNew ? "accepted" : "repeated");
    return event.id;
  }

  #receive(webhook: Webhook, delivery: Delivery): WebhookEvent {
    const { secrets, nowUs, newId } = this.#options;
    const onProblem = (problem: string): void =>
      this.#refusals.tell(`${webhook.name} problem`, `webhook "${webhook.name}": ${problem}`);
    return receiveDelivery(webhook, delivery, { sources: secrets, nowUs: nowUs(), newId, onProblem });
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      const reason = error instanceof SpanloomError ? refusalByReason[error.reason] : undefined;
      if (reason) throw new DeliveryRefusal(reason, (error as Error).message, { cause: error });
      throw error;
    }
  }

  /** Counts and tells of a refusal. The name is the webhook's, undefined when there is none: then it is not repeated. */
  refused(name: string | undefined, refusal: DeliveryRefusal): void {
    this.counts.add(name ?? "", refusal.reason);
    const whose = name === undefined ? "a webhook that is not there" : `webhook "${name}"`;
    this.#refusals.tell(`${name ?? ""} ${refusal.reason}`, `cannot take a delivery to ${whose}: ${refusal.message}`);
  }
}
