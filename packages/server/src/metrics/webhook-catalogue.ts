import type { Catalogue } from "@spanloom/metrics";

/** What is delivered by HTTP. */
export const webhookCatalogue = {
  "spanloom.webhooks.deliveries": {
    kind: "counter",
    unit: "{delivery}",
    about: "Deliveries to webhooks, by what became of them.",
    attributes: {
      "spanloom.webhook": "its name; empty for none that is there, and for those beyond the first 100",
      "spanloom.outcome":
        "`accepted`, `repeated` (accepted before), or why it was refused: `unknown`, `method`, `signature`, `expired`, " +
        "`secret`, `paused`, `too_large`, `unsupported`, `malformed`, `busy`, `unavailable`, `failed`",
    },
  },
} as const satisfies Catalogue;
