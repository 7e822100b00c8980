import { createHash } from "node:crypto";
import type { Delivery } from "./delivery.ts";
import { atPath } from "./event-key.ts";
import type { Webhook } from "./webhook.ts";

/**
 * The id of the event that a delivery becomes, a UUID: the same when it is delivered again, so that it is one event.
 *
 * What tells deliveries apart is GitHub's delivery id, the id of Stripe's event, or the header that the webhook names.
 * Where there is none, what was signed does: the same signed bytes, time included, are the same delivery, or whoever has
 * seen one could send it again and again. undefined for one that is not signed: each is an event.
 *
 * Errors: DeliveryRefusal `malformed` when the named header is absent.
 * Source: RFC 9562, section 5.8: UUIDs of version 8.
 */
export function eventIdOf({ name, signature }: Webhook, delivery: Delivery, payload: unknown): string | undefined {
  const { headers, body } = delivery;
  if (signature.scheme === "github") {
    const id = headers.one("x-github-delivery");
    return id ? derive(name, "id", id) : derive(name, "body", body);
  }
  if (signature.scheme === "stripe") {
    const id = atPath(payload, ["id"]);
    return typeof id === "string" && id !== "" ? derive(name, "id", id) : derive(name, "body", body);
  }
  if (signature.scheme === "none") return undefined;
  if (signature.idHeader !== undefined) return derive(name, "id", headers.required(signature.idHeader));
  const { timestampHeader } = signature;
  const time = timestampHeader === undefined ? "" : headers.required(timestampHeader);
  return derive(name, `body ${time}`, body);
}

/** Pieces are hashed with what ends them, so that no two sets of them are the same bytes. */
function derive(webhook: string, kind: string, what: string | Uint8Array): string {
  const hash = createHash("sha256").update(`spanloom webhook\0${webhook}\0${kind}\0`).update(what).digest();
  const bytes = hash.subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
