import { SpanloomError } from "@spanloom/protocol";
import type { Webhook } from "./webhook.ts";

/** A webhook as the store keeps it: JSON, in which secrets are sealed or named. Equal webhooks are equal bytes. */
export function encodeWebhook(webhook: Webhook): Uint8Array {
  return Buffer.from(JSON.stringify({ version: 1, webhook: sorted(webhook) }));
}

/** Reads what {@link encodeWebhook} wrote. Errors: INTERNAL when it is of a newer version. */
export function decodeWebhook(bytes: Uint8Array): Webhook {
  const { version, webhook } = JSON.parse(Buffer.from(bytes).toString()) as { version: number; webhook: Webhook };
  if (version === 1) return webhook;
  throw new SpanloomError("INTERNAL", `cannot read a webhook: version ${version} is newer than this server`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
