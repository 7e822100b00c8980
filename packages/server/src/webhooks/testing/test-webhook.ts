import type { HmacSignature, Webhook } from "../webhook.ts";

/** A webhook of the scheme hmac, with what a test needs otherwise. */
export function testWebhook({ hmac, ...over }: Partial<Webhook> & { hmac?: Partial<HmacSignature> } = {}): Webhook {
  return {
    name: "orders",
    description: "",
    signature: {
      scheme: "hmac",
      header: "x-signature",
      hash: "sha256",
      prefix: "sha256=",
      encoding: "hex",
      signed: "{body}",
      secretEncoding: "text",
      ...hmac,
    },
    secrets: [],
    toleranceMs: 300_000,
    eventKey: "webhook.{name}",
    maxBodyBytes: 1024 * 1024,
    acceptText: false,
    headers: [],
    isPaused: false,
    ...over,
  };
}
