import type { WebhookEvent } from "./delivery-event.ts";
import type { Webhook } from "./webhook.ts";

/** Where webhooks are kept, and where their events go. */
export interface WebhookTarget {
  /** The webhook of a name; undefined when there is none. */
  find(name: string): Promise<Webhook | undefined>;
  /**
   * Makes an event durable; one whose id is known already stays as it is, whatever the rest of it says.
   *
   * Errors: OVERLOADED when too many wait; STORE_UNAVAILABLE; LIMIT_EXCEEDED when it is too large for an event.
   */
  publish(event: WebhookEvent): Promise<{ isNew: boolean }>;
}
