import type { RefusalReason } from "./delivery-refusal.ts";

/** What became of deliveries. `repeated` is one whose event was there already. */
export type DeliveryOutcome = "accepted" | "repeated" | RefusalReason;

/** Most webhooks that are counted by name; those beyond are counted together. */
const MAX_NAMES = 100;

/** Counts deliveries by webhook and outcome. */
export class WebhookCounts {
  /** One series is there from the start: what begins with its first value is not seen to rise. */
  readonly #counts = new Map<string, Map<DeliveryOutcome, number>>([["", new Map([["unknown", 0]])]]);

  /** Counts one; the name is of a webhook that exists, or empty. */
  add(name: string, outcome: DeliveryOutcome): void {
    const key = this.#counts.has(name) || this.#counts.size < MAX_NAMES ? name : "";
    const counts = this.#counts.get(key) ?? new Map<DeliveryOutcome, number>();
    this.#counts.set(key, counts);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }

  /** All counts. */
  *entries(): Iterable<{ name: string; outcome: DeliveryOutcome; count: number }> {
    for (const [name, counts] of this.#counts) for (const [outcome, count] of counts) yield { name, outcome, count };
  }
}
