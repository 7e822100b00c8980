import type { Delivery } from "./delivery.ts";
import { deliveryEvent, type WebhookEvent } from "./delivery-event.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { readSecrets, type SecretSources, secretRefusal } from "./read-secrets.ts";
import { verifySignature } from "./verify-signature.ts";
import type { Webhook } from "./webhook.ts";

/** What receiving needs besides the delivery. */
export interface ReceiveOptions {
  sources: SecretSources;
  nowUs: number;
  /** Makes the id of an event that has none. */
  newId: () => string;
  /** Told of secrets that cannot be read, also when another one verified. */
  onProblem: (problem: string) => void;
}

/**
 * Verifies a delivery, then reads it: nothing in it is looked at before its signature is right.
 *
 * Errors: DeliveryRefusal; `secret` when no signature is right and not every secret could be read, as the one that is
 * missing may be the one that signed.
 */
export function receiveDelivery(webhook: Webhook, delivery: Delivery, options: ReceiveOptions): WebhookEvent {
  const { secrets, problems } = readSecrets(webhook, options.sources);
  try {
    verifySignature(webhook, secrets, delivery, options.nowUs);
  } catch (error) {
    if (problems.length > 0 && error instanceof DeliveryRefusal && error.reason === "signature")
      throw secretRefusal(problems);
    throw error;
  }
  for (const problem of problems) options.onProblem(problem);
  return deliveryEvent(webhook, delivery, options.newId);
}
